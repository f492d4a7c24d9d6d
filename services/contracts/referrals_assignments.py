"""The life of a referral: assigned, accepted or declined, reassigned, withdrawn, waiting, with notes and history."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, permission
from services.contracts.fields import Code, Flag, Id, Moment, Text
from services.contracts.referrals import Referral, contract
from services.contracts.referrals_assignment_shapes import (
    ASSIGNMENT_ERRORS,
    MOVE_ERRORS,
    NOTE,
    PLACE,
    PRIORITIES,
    REFERRAL,
    Actor,
)

WITHDRAWAL_REASONS = (
    "no_longer_needed",
    "entered_in_error",
    "found_elsewhere",
    "client_withdrew",
    "no_answer",
    "other",
)


class Note(Reply):
    """A note of either side. Notes are never edited; a new one corrects an old one."""

    at = Moment(required=True)
    author = fields.Nested(Actor, required=True)
    note = fields.String(required=True)
    is_internal = Flag(required=True, metadata={"description": "the partner's own; providers never see it"})


reassign_referral = contract.command(
    "reassign_referral",
    "Send a referral to another program or through another ReferralQ. The old one ends, its provider does not find it "
    "any more, and the answer is the new one.",
    request={
        "referral_id": Id(required=True),
        "program_id": Id(required=True),
        "queue_id": Id(load_default=None, allow_none=True, metadata={"description": "null: the same"}),
        "priority": fields.String(
            load_default=None,
            allow_none=True,
            validate=validate.OneOf(PRIORITIES),
            metadata={"description": "null: the same"},
        ),
        "carries_notes": Flag(load_default=True),
        **NOTE,
        **PLACE,
    },
    reply=Referral,
    access=permission("referral.assign"),
    errors=(*ASSIGNMENT_ERRORS, "move_not_allowed", "capacity_not_claimed"),
    expects_version=True,
    status=201,
)
withdraw_referral = contract.command(
    "withdraw_referral",
    "Take a referral back, with a reason. Its provider does not find it any more.",
    request={
        "referral_id": Id(required=True),
        "reason_code": fields.String(required=True, validate=validate.OneOf(WITHDRAWAL_REASONS)),
        **NOTE,
    },
    reply=Referral,
    access=permission("referral.assign"),
    errors=("not_found", "move_not_allowed", "capacity_not_claimed"),
    expects_version=True,
)
list_referral_notes = contract.query(
    "list_referral_notes",
    "The notes of both sides with author and time, oldest first.",
    request={"referral_id": Id(required=True)},
    reply={"items": fields.List(fields.Nested(Note), required=True)},
    access=permission("referral.read"),
    errors=("not_found",),
)
add_referral_note = contract.command(
    "add_referral_note",
    "Write a note that both sides read; an internal one is read by the partner only.",
    request={
        "referral_id": Id(required=True),
        "note": Text(required=True, most=2000),
        "is_internal": Flag(load_default=False),
    },
    reply=Referral,
    access=permission("referral.change_status"),
    errors=("not_found", "forbidden"),
    status=201,
)
accept_referral = contract.command(
    "accept_referral",
    "Say that the program takes the referral. Without `status` it goes to the ReferralQ's first status that accepts.",
    request={"referral_id": Id(required=True), "status": Code(load_default=None, allow_none=True), **NOTE},
    reply=Referral,
    access=permission("referral.change_status"),
    errors=MOVE_ERRORS,
    expects_version=True,
)
unaccept_referral = contract.command(
    "unaccept_referral",
    "Take back an acceptance: the referral is offered again, and keeps its place.",
    request={"referral_id": Id(required=True), **NOTE},
    reply=Referral,
    access=permission("referral.change_status"),
    errors=MOVE_ERRORS,
    expects_version=True,
)
decline_referral = contract.command(
    "decline_referral",
    "Decline a referral with a reason of the ReferralQ's list. Whether the provider or the client declines is part of "
    "the reason. Without `status` it goes to the ReferralQ's first status that declines.",
    request={
        "referral_id": Id(required=True),
        "reason_code": Code(required=True),
        "status": Code(load_default=None, allow_none=True),
        **NOTE,
    },
    reply=Referral,
    access=permission("referral.change_status"),
    errors=MOVE_ERRORS,
    expects_version=True,
)
change_priority = contract.command(
    "change_priority",
    "Say how urgent a referral is. It also decides who on a waitlist comes first.",
    request={
        "referral_id": Id(required=True),
        "priority": fields.String(required=True, validate=validate.OneOf(PRIORITIES)),
    },
    reply=Referral,
    access=permission("referral.assign"),
    errors=("not_found", "move_not_allowed"),
    expects_version=True,
)

referral_accepted = contract.event(
    "referral_accepted", "A program takes a referral.", data={**REFERRAL, "status": Code(required=True)}
)
referral_declined = contract.event(
    "referral_declined",
    "A referral was declined, by the provider or by the client.",
    data={**REFERRAL, "status": Code(required=True), "declined_by": Code(), "reason_code": Code()},
)
referral_withdrawn = contract.event(
    "referral_withdrawn",
    "The partner took a referral back.",
    data={**REFERRAL, "reason_code": Code(required=True)},
)
referral_reassigned = contract.event(
    "referral_reassigned",
    "A referral ended because another one took its place, which is told as a `referral_assigned` of its own.",
    data={
        **REFERRAL,
        "replaced_by_id": Id(required=True),
        "new_queue_id": Id(required=True),
        "new_program_id": Id(required=True),
    },
)
referral_waitlisted = contract.event(
    "referral_waitlisted",
    "A referral waits until the program has a free place.",
    data={**REFERRAL, "priority": Code(required=True)},
)
referral_promoted = contract.event(
    "referral_promoted", "A referral that waited has a place now.", data=dict(REFERRAL)
)
referral_expired = contract.event(
    "referral_expired",
    "A referral ended because nothing happened for as long as its ReferralQ allows.",
    data={**REFERRAL, "status": Code(required=True)},
)
referral_note_added = contract.event(
    "referral_note_added",
    "Somebody wrote a note on a referral.",
    data={**REFERRAL, "author_side": Code(required=True), "is_internal": Flag(required=True)},
)
