"""Shapes of referrals: how far they have come, their history, what a list filters by. Data only."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import Reply
from services.contracts.fields import Code, Flag, Id, Moment, RecordNumber, Text

# FHIR R4 value set request-priority, http://hl7.org/fhir/R4/valueset-request-priority.html
PRIORITIES = ("routine", "urgent", "asap", "stat")
# What a line of a referral's history can be. `assigned` or `waitlisted` is the first line; a `note` and a `priority` change
# no status.
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
ENDED_BY = ("provider", "client", "sender")
SIDES = ("partner", "provider", "system")


class Actor(Reply):
    """Who did or wrote something: the account, on which side it works, and who that is.

    `name` is the first name and the initial of the last ("Sam F."); null where nobody acted or no name can be told at the
    moment. `organisation` is the partner's name or the agency of the referral's program; null where it is not known.
    """

    id = fields.String(required=True)
    side = fields.String(required=True, validate=validate.OneOf(SIDES))
    name = fields.String(required=True, allow_none=True)
    organisation = fields.String(required=True, allow_none=True)


class Progress(Reply):
    """How far a referral has come: facts about the work, none about the help-seeker.

    `contact_record_id`, `replaced_by_id` and `offer_id` are the partner's own handles, null for a provider.
    `next_statuses` are the keys of the statuses it may go to; only `get_referral` tells them. `is_overdue`, `is_urgent` (a
    priority above routine) and `is_consent_expired` are flags of open referrals.
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


class StatusChange(Reply):
    """A line of a referral's history, with the labels as they read then. A note has the same status before and after."""

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
PLACE: dict[str, Any] = {
    "line_id": Id(
        load_default=None,
        allow_none=True,
        metadata={"description": "which capacity of the program; null: any"},
    ),
    "confirm": Flag(
        load_default=False,
        metadata={"description": "refer though the program is full, where the ReferralQ only warns"},
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
)
FILTERS: dict[str, Any] = {
    "number": fields.String(
        load_default=None,
        allow_none=True,
        metadata={"description": "contact record number, as far as one knows it: CR-00000042, cr 42, 42"},
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
        load_default=None, allow_none=True, metadata={"description": "open, and the consent to share is over"}
    ),
    "priority": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(PRIORITIES)),
    "assigned_from": Moment(load_default=None, allow_none=True),
    "assigned_before": Moment(load_default=None, allow_none=True),
    "sort": fields.String(
        load_default="newest",
        validate=validate.OneOf(SORTS),
        metadata={"description": "`due`: what is due, soonest first; `waitlist`: what waits, longest first"},
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
