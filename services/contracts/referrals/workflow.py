"""The organisation's settings for the workflows of all its ReferralQs."""

from __future__ import annotations

from services.contracts.declare import STAFF, Reply, Request, permission
from services.contracts.fields import Flag
from services.contracts.referrals import contract


class WorkflowSettings(Reply):
    """An organisation's settings for its ReferralQs."""

    has_status_changes = Flag(required=True)
    can_refer_to_agencies = Flag(required=True)


class WorkflowSettingsInput(Request):
    """The members of `WorkflowSettings`, as an editor gives them. A member that is absent stays as it was."""

    has_status_changes = Flag(
        metadata={
            "description": "off: nobody changes the status of a referral, and none expires; notes, reassignment and "
            "withdrawal go on"
        }
    )
    can_refer_to_agencies = Flag(
        metadata={"description": "an agency that has no program takes referrals itself, and so do its sites"}
    )


get_workflow_settings = contract.query(
    "get_workflow_settings",
    "The organisation's settings for its ReferralQs.",
    request={},
    reply=WorkflowSettings,
    access=permission("queue.read"),
)
set_workflow_settings = contract.command(
    "set_workflow_settings",
    "Change the organisation's settings for its ReferralQs.",
    request=WorkflowSettingsInput,
    reply=WorkflowSettings,
    access=permission("queue.manage", realms=STAFF),
)
