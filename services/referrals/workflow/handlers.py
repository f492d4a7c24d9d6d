"""Commands of an organisation's workflows."""

from __future__ import annotations

from services.chassis.unit_of_work import UnitOfWork
from services.referrals.workflow.models import WorkflowSettings
from services.referrals.workflow.queries import workflow_of


def set_workflow_settings(
    unit: UnitOfWork,
    *,
    has_status_changes: bool | None = None,
    can_refer_to_agencies: bool | None = None,
) -> WorkflowSettings:
    """Change the organisation's settings for its ReferralQs (S0-7). What is None stays as it was."""
    settings = workflow_of(unit.session)
    if settings.organisation_id is None:
        unit.add(settings)
    if has_status_changes is not None:
        settings.has_status_changes = has_status_changes
    if can_refer_to_agencies is not None:
        settings.can_refer_to_agencies = can_refer_to_agencies
    assert unit.organisation_id is not None  # noqa: S101 - an account has its organisation
    unit.audit(
        "workflow.settings_changed",
        "organisation",
        unit.organisation_id,
        has_status_changes=settings.has_status_changes,
        can_refer_to_agencies=settings.can_refer_to_agencies,
    )
    return settings
