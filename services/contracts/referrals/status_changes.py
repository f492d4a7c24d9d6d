"""The contract of a referral's course: its statuses, answers, withdrawal, reassignment."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, only_services, permission
from services.contracts.fields import Code, Count, Flag, Id, RecordNumber
from services.contracts.referrals import contract
from services.contracts.referrals.assignments import (
    ASSIGNMENT_ERRORS,
    CARRIES_NOTES,
    NOTE,
    PLACE,
    PRIORITIES,
    REFERRAL,
    WITHDRAWAL_REASONS,
    Referral,
)

MOVE: dict[str, Any] = {
    "referral_id": Id(required=True),
    "status": Code(required=True),
    "reason_code": Code(load_default=None, allow_none=True),
    "outcome_code": Code(load_default=None, allow_none=True),
    **NOTE,
}
MOVE_ERRORS = (
    "not_found",
    "status_not_in_queue",
    "status_unchanged",
    "move_not_allowed",
    "reason_required",
    "reason_not_in_queue",
    "outcome_required",
    "outcome_not_in_queue",
    "already_assigned",
    "capacity_exhausted",
    "capacity_not_claimed",
    "offer_closed",
    "feature_is_off",
)

change_status = contract.command(
    "change_status",
    "Move a referral to another status of its ReferralQ, by the status's key. A terminal status frees its place.",
    request=MOVE,
    reply=Referral,
    access=permission("referral.change_status"),
    errors=MOVE_ERRORS,
    expects_version=True,
)
reassign_referral = contract.command(
    "reassign_referral",
    "Send a referral to another program or through another ReferralQ. The old referral ends and its provider no longer "
    "sees it. A new provider reads only those notes that are passed on. The answer is the new referral.",
    request={
        "referral_id": Id(required=True),
        "program_id": Id(required=True),
        "queue_id": Id(
            load_default=None, allow_none=True, metadata={"description": "null: the same ReferralQ"}
        ),
        "priority": fields.String(
            load_default=None,
            allow_none=True,
            validate=validate.OneOf(PRIORITIES),
            metadata={"description": "null: the same priority"},
        ),
        "carries_notes": CARRIES_NOTES,
        "note_ids": fields.List(
            Id(),
            load_default=list,
            validate=validate.Length(max=200),
            metadata={
                "description": "the shared notes with which the new referral begins, instead of all or none"
            },
        ),
        **NOTE,
        **PLACE,
    },
    reply=Referral,
    access=permission("referral.assign", realms=STAFF),
    errors=(*ASSIGNMENT_ERRORS, "move_not_allowed", "capacity_not_claimed"),
    expects_version=True,
    status=201,
)
withdraw_referral = contract.command(
    "withdraw_referral",
    "Take a referral back, with a reason. Its provider no longer sees it.",
    request={
        "referral_id": Id(required=True),
        "reason_code": fields.String(required=True, validate=validate.OneOf(WITHDRAWAL_REASONS)),
        **NOTE,
    },
    reply=Referral,
    access=permission("referral.assign", realms=STAFF),
    errors=("not_found", "move_not_allowed", "capacity_not_claimed"),
    expects_version=True,
)
accept_referral = contract.command(
    "accept_referral",
    "Accept a referral for its program. Without `status` it moves to the ReferralQ's first status that accepts.",
    request={"referral_id": Id(required=True), "status": Code(load_default=None, allow_none=True), **NOTE},
    reply=Referral,
    access=permission("referral.change_status"),
    errors=(*MOVE_ERRORS, "link_refused"),
    expects_version=True,
)
unaccept_referral = contract.command(
    "unaccept_referral",
    "Take an acceptance back: the referral is offered again and keeps its place.",
    request={"referral_id": Id(required=True), **NOTE},
    reply=Referral,
    access=permission("referral.change_status"),
    errors=tuple(code for code in MOVE_ERRORS if code != "status_not_in_queue"),
    expects_version=True,
)
decline_referral = contract.command(
    "decline_referral",
    "Decline a referral with a reason of the ReferralQ's list. The reason also says whether the provider or the client "
    "declines. Without `status` it moves to the ReferralQ's first status that declines.",
    request={
        "referral_id": Id(required=True),
        "reason_code": Code(required=True),
        "status": Code(load_default=None, allow_none=True),
        **NOTE,
    },
    reply=Referral,
    access=permission("referral.change_status"),
    errors=(*MOVE_ERRORS, "link_refused"),
    expects_version=True,
)


class AnswerForm(Reply):
    """What is needed to answer a referral, and nothing about the person: number, ReferralQ, and what can be answered."""

    referral_id = Id(required=True)
    version = Count(required=True)
    contact_record_number = RecordNumber(required=True)
    queue_name = fields.String(required=True)
    can_accept = Flag(required=True)
    can_decline = Flag(required=True)
    decline_reasons = fields.List(
        fields.Nested(Reply.from_dict({"code": Code(required=True), "label": fields.String(required=True)})),
        required=True,
    )


get_answer_form = contract.query(
    "get_answer_form",
    "What is needed to accept or decline a referral, without anything about the person: for the page of a mail's link.",
    request={"referral_id": Id(required=True)},
    reply=AnswerForm,
    access=permission("referral.change_status"),
    errors=("not_found", "link_refused"),
)
describe_answer = contract.query(
    "describe_answer",
    "The state of a referral that waits for its answer, for the link of a mail; null once it was answered or has ended.",
    request={"referral_id": Id(required=True)},
    reply={"state": Code(required=True, allow_none=True)},
    access=only_services("notifications"),
)

referral_status_changed = contract.event(
    "referral_status_changed",
    "A referral moved to another status.",
    data={
        **REFERRAL,
        "from_status": Code(required=True),
        "to_status": Code(required=True),
        "is_terminal": Flag(required=True),
    },
)
referral_accepted = contract.event(
    "referral_accepted", "A program accepted a referral.", data={**REFERRAL, "status": Code(required=True)}
)
referral_declined = contract.event(
    "referral_declined",
    "A referral was declined, by the provider or by the client.",
    data={**REFERRAL, "status": Code(required=True), "declined_by": Code(), "reason_code": Code()},
)
referral_reassigned = contract.event(
    "referral_reassigned",
    "A referral ended because it was replaced by another one, which has its own event `referral_assigned`.",
    data={
        **REFERRAL,
        "replaced_by_id": Id(required=True),
        "new_queue_id": Id(required=True),
        "new_program_id": Id(required=True),
    },
)
referral_expired = contract.event(
    "referral_expired",
    "A referral ended because it had no answer for longer than its ReferralQ allows.",
    data={**REFERRAL, "status": Code(required=True)},
)
