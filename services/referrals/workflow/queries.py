"""Queries about an organisation's workflows."""

from __future__ import annotations

from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.referrals.workflow.models import WorkflowSettings


def workflow_of(session: Session) -> WorkflowSettings:
    """The settings of the session's organisation; the defaults where none are stored."""
    kept = session.get(WorkflowSettings, session.info["organisation_id"])
    return kept or WorkflowSettings(has_status_changes=True, can_refer_to_agencies=False)


def get_workflow_settings(session: Session, _caller: Caller | None) -> WorkflowSettings:
    """The organisation's settings for its ReferralQs."""
    return workflow_of(session)


def require_status_changes(session: Session) -> None:
    """Raise Refused `feature_is_off` where the organisation works without changes of status (S0-7)."""
    if not workflow_of(session).has_status_changes:
        detail = "The organisation works without changes of status; its workflow settings switch them on."
        raise Refused("feature_is_off", detail, "has_status_changes")
