"""What referrals offers and publishes about referrals: assigning, lists, history, notes, priority, the waitlist."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, only_services, page_of, permission
from services.contracts.fields import Code, Flag, Id, Moment, RecordNumber, Text
from services.contracts.referrals import contract
from services.contracts.referrals.authors import Actor
from services.contracts.referrals.paging import PAGE
from services.contracts.referrals.records import ContactRecord

# FHIR R4 value set request-priority, http://hl7.org/fhir/R4/valueset-request-priority.html
PRIORITIES = ("routine", "urgent", "asap", "stat")
# The kinds of lines in a referral's history. The first line is `assigned` or `waitlisted`. A `note` and a `priority` leave
# the status as it is.
KINDS = (
    "assigned",
    "waitlisted",
    "promoted",
    "status",
    "accepted",
    "declined",
    "reopened",
    "expired",
    "withdrawn",
    "reassigned",
    "priority",
    "note",
)
SORTS = ("newest", "oldest", "due", "waitlist")
# What may be done with a referral, besides notes.
ACTIONS = [
    "change_status",
    "accept",
    "take_acceptance_back",
    "decline",
    "change_priority",
    "withdraw",
    "reassign",
]
ENDED_BY = ("provider", "client", "sender")


class Progress(Reply):
    """How far a referral has come: facts about the work, none about the help-seeker.

    `contact_record_id`, `replaced_by_id` and `offer_id` are for the partner only, null for a provider. `next_statuses` are
    the keys of the statuses to which the referral may move, `actions` is what may be done with it as it stands, for an account
    that has the permission; only `get_referral` gives them. `is_overdue`, `is_urgent` (a
    priority above routine) and `is_consent_expired` are false for a referral that has ended.
    """

    queue_id = Id(required=True)
    program_id = Id(required=True)
    contact_record_id = Id(allow_none=True)
    status_key = Code(required=True)
    status_since = Moment(required=True)
    priority = fields.String(required=True, validate=validate.OneOf(PRIORITIES))
    assigned_at = Moment(required=True)
    accepted_at = Moment(allow_none=True)
    due_at = Moment(allow_none=True)
    is_overdue = Flag(required=True)
    is_urgent = Flag(required=True)
    is_consent_expired = Flag(required=True)
    is_waitlisted = Flag(required=True)
    waitlisted_at = Moment(allow_none=True)
    is_terminal = Flag(required=True)
    ended_at = Moment(allow_none=True)
    ended_by = fields.String(allow_none=True, validate=validate.OneOf(ENDED_BY))
    reason_code = Code(allow_none=True)
    outcome_code = Code(allow_none=True)
    replaced_by_id = Id(allow_none=True)
    offer_id = Id(allow_none=True)
    next_statuses = fields.List(Code(), allow_none=True)
    actions = fields.List(fields.String(validate=validate.OneOf(ACTIONS)), allow_none=True)


class StatusChange(Reply):
    """A line of a referral's history, with the labels of that time. A note has the same status before and after."""

    at = Moment(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    from_status = fields.String(allow_none=True)
    to_status = fields.String(required=True)
    note = fields.String(allow_none=True)
    is_internal = Flag(required=True)
    reason_code = Code(allow_none=True)
    outcome_code = Code(allow_none=True)
    actor_id = fields.String(required=True)
    actor = fields.Nested(Actor, required=True)


NOTE: dict[str, Any] = {"note": Text(load_default=None, allow_none=True, most=2000)}
CARRIES_NOTES = Flag(
    load_default=None,
    allow_none=True,
    metadata={
        "description": "the new referral begins with all notes that both sides have shared; null: only if its program stays "
        "the same"
    },
)
PLACE: dict[str, Any] = {
    "line_id": Id(
        load_default=None,
        allow_none=True,
        metadata={"description": "one capacity line of the program; null: any of them"},
    ),
    "confirm": Flag(
        load_default=False,
        metadata={"description": "assign even if the program is full, where the ReferralQ only warns"},
    ),
}
ASSIGNMENT: dict[str, Any] = {
    "contact_record_id": Id(required=True),
    "queue_id": Id(required=True),
    "program_id": Id(required=True),
    "priority": fields.String(load_default="routine", validate=validate.OneOf(PRIORITIES)),
    **NOTE,
    **PLACE,
}
ASSIGNMENT_ERRORS = (
    "not_found",
    "conflict",
    "capacity_exhausted",
    "not_a_program",
    "program_not_in_queue",
    "already_assigned",
    "consent_required",
    "resource_inactive",
    "resource_not_referable",
)
FILTERS: dict[str, Any] = {
    "number": fields.String(
        load_default=None,
        allow_none=True,
        metadata={"description": "contact record number, in full or in short: CR-00000042, cr 42, 42"},
    ),
    "queue_id": Id(load_default=None, allow_none=True),
    "program_id": Id(load_default=None, allow_none=True),
    "agency_id": Id(load_default=None, allow_none=True),
    "contact_record_id": Id(load_default=None, allow_none=True),
    "status": Code(load_default=None, allow_none=True, metadata={"description": "key of a status"}),
    "is_open": Flag(load_default=None, allow_none=True),
    "is_waitlisted": Flag(load_default=None, allow_none=True),
    "is_overdue": Flag(load_default=None, allow_none=True),
    "is_urgent": Flag(
        load_default=None, allow_none=True, metadata={"description": "open, with a priority above routine"}
    ),
    "is_consent_expired": Flag(
        load_default=None,
        allow_none=True,
        metadata={"description": "open, and the consent to share has expired"},
    ),
    "priority": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(PRIORITIES)),
    "assigned_from": Moment(load_default=None, allow_none=True),
    "assigned_before": Moment(load_default=None, allow_none=True),
    "sort": fields.String(
        load_default="newest",
        validate=validate.OneOf(SORTS),
        metadata={
            "description": "`due`: only referrals with a due time, soonest first; `waitlist`: only waiting referrals, longest first"
        },
    ),
}
REFERRAL: dict[str, Any] = {
    "referral_id": Id(required=True),
    "contact_record_id": Id(required=True),
    "contact_record_number": RecordNumber(required=True),
    "queue_id": Id(required=True),
    "program_id": Id(required=True),
    "agency_id": Id(required=True),
}


class LimitedView(Reply):
    """The eight fields a provider sees of a contact record without the details permission (S0-28 to S0-35).

    `status` is the label of the status; its key is `status_key` of the progress.
    """

    referralq_name = fields.String(required=True)
    assigned_resource = fields.String(required=True)
    contact_record_number = RecordNumber(required=True)
    status = fields.String(required=True)
    note = fields.String(required=True, allow_none=True)
    contact_name = fields.String(required=True, allow_none=True)
    contact_date = Moment(required=True)
    postal_code = fields.String(required=True, allow_none=True)


class Referral(Reply):
    """A referral: its progress, the eight limited fields, and the whole record where the caller may see it."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    progress = fields.Nested(Progress, required=True)
    limited = fields.Nested(LimitedView, required=True)
    withheld = fields.List(
        fields.String(),
        metadata={"description": "limited fields that the ReferralQ withholds at this stage"},
    )
    details = fields.Nested(ContactRecord, allow_none=True)


WITHDRAWAL_REASONS = (
    "no_longer_needed",
    "entered_in_error",
    "found_elsewhere",
    "client_withdrew",
    "no_answer",
    "other",
)


class Note(Reply):
    """A note of either side. Notes are never edited; write a new one to correct an old one."""

    id = Id(required=True)
    at = Moment(required=True)
    author = fields.Nested(Actor, required=True)
    note = fields.String(required=True)
    is_internal = Flag(
        required=True, metadata={"description": "internal to the partner; providers never see it"}
    )


assign_referral = contract.command(
    "assign_referral",
    "Assign a contact record to a program through a ReferralQ. It takes one place of the program's capacity. Where no "
    "place is free, the ReferralQ's settings refuse the assignment, ask for `confirm`, or put it on the waitlist.",
    request=ASSIGNMENT,
    reply=Referral,
    access=permission("referral.assign", realms=STAFF),
    errors=ASSIGNMENT_ERRORS,
    status=201,
)
list_referrals = contract.query(
    "list_referrals",
    "The referrals that the caller may see. A provider sees referrals to its programs, from any ReferralQ. A provider's "
    "search for a number without a visible referral is answered with 404.",
    request={**PAGE, **FILTERS},
    reply=page_of(Referral),
    access=permission("referral.read"),
    errors=("not_found",),
)
get_referral = contract.query(
    "get_referral",
    "One referral, with the statuses to which it may move.",
    request={"referral_id": Id(required=True)},
    reply=Referral,
    access=permission("referral.read"),
    errors=("not_found",),
)
describe_referral = contract.query(
    "describe_referral",
    "Whether a referral exists, for emergency access to it.",
    request={"referral_id": Id(required=True)},
    reply={"referral_id": Id(required=True)},
    access=only_services("identity"),
    errors=("not_found",),
)
list_referral_history = contract.query(
    "list_referral_history",
    "The history of a referral, oldest first.",
    request={"referral_id": Id(required=True)},
    reply={"items": fields.List(fields.Nested(StatusChange), required=True)},
    access=permission("referral.read"),
    errors=("not_found",),
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
    "Write a note that both sides can read, or an internal one that only the partner can read.",
    request={
        "referral_id": Id(required=True),
        "note": Text(required=True, most=2000),
        "is_internal": Flag(load_default=False),
    },
    reply=Referral,
    access=permission("referral.note"),
    errors=("not_found", "forbidden"),
    status=201,
)
change_priority = contract.command(
    "change_priority",
    "Change the priority of a referral. It also decides which referral on a waitlist comes first.",
    request={
        "referral_id": Id(required=True),
        "priority": fields.String(required=True, validate=validate.OneOf(PRIORITIES)),
    },
    reply=Referral,
    access=permission("referral.assign", realms=STAFF),
    errors=("not_found", "move_not_allowed"),
    expects_version=True,
)

referral_assigned = contract.event(
    "referral_assigned",
    "A contact record was assigned to a program.",
    data={
        **REFERRAL,
        "status": Code(required=True),
        "priority": Code(),
        "is_waitlisted": Flag(),
        "replaces_id": Id(),
    },
)
referral_withdrawn = contract.event(
    "referral_withdrawn",
    "The partner took a referral back.",
    data={**REFERRAL, "reason_code": Code(required=True)},
)
referral_waitlisted = contract.event(
    "referral_waitlisted",
    "A referral waits until the program has a free place.",
    data={**REFERRAL, "priority": Code(required=True)},
)
referral_promoted = contract.event(
    "referral_promoted", "A referral that waited has a place now.", data=dict(REFERRAL)
)
referral_note_added = contract.event(
    "referral_note_added",
    "Somebody wrote a note on a referral.",
    data={**REFERRAL, "author_side": Code(required=True), "is_internal": Flag(required=True)},
)
