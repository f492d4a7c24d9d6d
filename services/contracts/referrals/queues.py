"""The contract of ReferralQs: statuses, settings, contact forms, programs."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, Request, only_services, permission
from services.contracts.fields import Code, Count, Flag, Id, Text
from services.contracts.referrals import contract

STAGES = ("offered", "accepted", "enrolled")
WHEN_FULL = ("block", "warn", "waitlist")
HOURS = validate.Range(1, 8_760)
_COLOUR = validate.Regexp(r"#[0-9a-f]{6}\Z", error="A colour is written #rrggbb with 0-9 and a-f.")


class QueueStatus(Reply):
    """A status of a ReferralQ. `category` is the stage of a referral there; it decides what a provider sees."""

    key = Code(required=True)
    label = fields.String(required=True)
    position = fields.Integer(required=True)
    is_terminal = Flag(required=True)
    fhir_status = fields.String(required=True, metadata={"description": "status of a FHIR R4 Task"})
    outcome_required = Flag()
    reason_required = Flag()
    category = fields.String(attribute="stage", validate=validate.OneOf(STAGES))
    colour = fields.String(allow_none=True)


class QueueStatusInput(Request):
    """A status as an editor enters it. With `key` it is an existing status of the ReferralQ, without it a new one."""

    key = Code(load_default=None, allow_none=True)
    label = Text(required=True, most=40)
    is_terminal = Flag(load_default=False)
    fhir_status = fields.String(load_default=None, allow_none=True)
    outcome_required = Flag(load_default=False)
    reason_required = Flag(
        load_default=None, allow_none=True, metadata={"description": "null: required if FHIR requires one"}
    )
    category = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf(STAGES),
        metadata={
            "description": "how far a referral has come; needed for a new status, unless it is the first or its `fhir_status`, "
            "other than on-hold, tells it"
        },
    )
    colour = fields.String(load_default=None, allow_none=True, validate=_COLOUR)


class Outcome(Request):
    """A possible outcome of a referral. `is_met`: the help-seeker's need was met."""

    code = Code(required=True)
    label = Text(required=True, most=80)
    is_met = Flag(load_default=False)


class DeclineReason(Request):
    """A reason for which a referral may be declined, and the side that declines."""

    code = Code(required=True)
    label = Text(required=True, most=80)
    by = fields.String(load_default="provider", validate=validate.OneOf(["provider", "client"]))


def _settings() -> dict[str, fields.Field[Any]]:
    """The settings. In a request each may be null, which takes it back to its default."""
    return {
        "when_full": fields.String(
            allow_none=True,
            validate=validate.OneOf(WHEN_FULL),
            metadata={"description": "an assignment to a full program: block, warn or waitlist"},
        ),
        "due_hours": fields.Integer(
            strict=True,
            allow_none=True,
            validate=HOURS,
            metadata={"description": "hours until the first answer is due"},
        ),
        "status_due_hours": fields.Dict(
            keys=Code(),
            allow_none=True,
            values=fields.Integer(strict=True, validate=HOURS),
            metadata={
                "description": "hours that a referral should stay at a status at most, by the status's key"
            },
        ),
        "expire_after_days": fields.Integer(strict=True, allow_none=True, validate=validate.Range(1, 3_650)),
        "assignment_email_text": Text(
            most=500,
            allow_none=True,
            metadata={
                "description": "added unchanged to the assignment e-mail; it must not be about a person"
            },
        ),
        "may_reopen": Flag(allow_none=True),
        "allowed_moves": fields.Dict(
            keys=Code(),
            values=fields.List(Code()),
            allow_none=True,
            metadata={"description": "from a status's key to the keys it may go to; null: moves are free"},
        ),
        "stage_fields": fields.Dict(
            keys=fields.String(validate=validate.OneOf(STAGES)),
            values=fields.List(fields.String(validate=validate.Length(1, 140))),
            allow_none=True,
            metadata={
                "description": "what a provider sees at each stage: contact_name, postal_code, phone, email, sections, or "
                "single sections as `section:<title>`; null: all of it"
            },
        ),
        "consent_required": Flag(
            allow_none=True,
            metadata={"description": "only records with a valid consent to share are assigned or offered"},
        ),
        "statistics_small_cells": fields.Integer(
            strict=True, allow_none=True, validate=validate.Range(2, 100)
        ),
        "outcomes": fields.List(fields.Nested(Outcome), allow_none=True, validate=validate.Length(1, 40)),
        "decline_reasons": fields.List(
            fields.Nested(DeclineReason), allow_none=True, validate=validate.Length(1, 40)
        ),
    }


QueueSettings: Any = Reply.from_dict(_settings(), name="QueueSettings")
# An absent member keeps its value.
QueueSettingsInput: Any = Request.from_dict(_settings(), name="QueueSettingsInput")


class ContactForm(Request):
    """A contact form that is linked to a ReferralQ: the sections of its records, and its questionnaire."""

    code = Code(required=True)
    name = Text(required=True, most=120)
    sections = fields.List(Text(most=120), load_default=list, validate=validate.Length(max=50))
    questionnaire_id = Id(load_default=None, allow_none=True)


class Queue(Reply):
    """A ReferralQ."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    description = fields.String(allow_none=True)
    is_active = Flag(required=True)
    statuses = fields.List(fields.Nested(QueueStatus), required=True)
    programs = fields.List(fields.Nested({"id": Id(), "name": fields.String()}), required=True)
    settings = fields.Nested(QueueSettings)
    forms = fields.List(fields.Nested(ContactForm))


create_queue = contract.command(
    "create_queue",
    "Create a ReferralQ. Without statuses it gets Referred, Attempting Contact, Enrolled, Completed, Declined.",
    request={
        "name": Text(required=True, most=120),
        "description": Text(load_default=None, allow_none=True, most=2000),
        "statuses": fields.List(fields.Nested(QueueStatusInput), load_default=None, allow_none=True),
        "statuses_from_queue_id": Id(load_default=None, allow_none=True),
        "settings": fields.Nested(QueueSettingsInput, load_default=dict),
        "forms": fields.List(fields.Nested(ContactForm), load_default=list, validate=validate.Length(max=50)),
    },
    reply=Queue,
    access=permission("queue.manage", realms=STAFF),
    errors=("not_found", "queue_name_taken", "invalid_status_list", "invalid_queue"),
    status=201,
)
list_queues = contract.query(
    "list_queues",
    "The ReferralQs by name; inactive ones only with `include_inactive`.",
    request={"include_inactive": Flag(load_default=False)},
    reply={"items": fields.List(fields.Nested(Queue), required=True)},
    access=permission("queue.read"),
)
get_queue = contract.query(
    "get_queue",
    "One ReferralQ.",
    request={"queue_id": Id(required=True)},
    reply=Queue,
    access=permission("queue.read"),
    errors=("not_found",),
)
add_program_to_queue = contract.command(
    "add_program_to_queue",
    "Link a program to a ReferralQ. Adding it again changes nothing.",
    request={"queue_id": Id(required=True), "program_id": Id(required=True)},
    reply=Queue,
    access=permission("queue.manage", realms=STAFF),
    errors=(
        "not_found",
        "resource_not_found",
        "not_a_program",
        "resource_inactive",
        "resource_not_referable",
    ),
    honours_version=True,
)
edit_queue = contract.command(
    "edit_queue",
    "Change a ReferralQ. A given list replaces the old one. Only the given settings change.",
    request={
        "queue_id": Id(required=True),
        "name": Text(most=120),
        "description": Text(allow_none=True, most=2000),
        "statuses": fields.List(fields.Nested(QueueStatusInput)),
        "statuses_from_queue_id": Id(),
        "settings": fields.Nested(QueueSettingsInput),
        "forms": fields.List(fields.Nested(ContactForm), validate=validate.Length(max=50)),
    },
    reply=Queue,
    access=permission("queue.manage", realms=STAFF),
    errors=("not_found", "queue_name_taken", "invalid_status_list", "invalid_queue", "status_in_use"),
    expects_version=True,
)
deactivate_queue = contract.command(
    "deactivate_queue",
    "Take a ReferralQ out of use. If it has open referrals, `confirm` is needed; they stay and can be worked on.",
    request={"queue_id": Id(required=True), "confirm": Flag(load_default=False)},
    reply=Queue,
    access=permission("queue.manage", realms=STAFF),
    errors=("not_found", "queue_has_open_referrals"),
    honours_version=True,
)
reactivate_queue = contract.command(
    "reactivate_queue",
    "Bring a ReferralQ back into use.",
    request={"queue_id": Id(required=True)},
    reply=Queue,
    access=permission("queue.manage", realms=STAFF),
    errors=("not_found",),
    honours_version=True,
)
remove_program_from_queue = contract.command(
    "remove_program_from_queue",
    "Unlink a program. If it has open referrals there, `confirm` is needed: accounts that reach the program only through "
    "its agency no longer see them once it is in no ReferralQ.",
    request={
        "queue_id": Id(required=True),
        "program_id": Id(required=True),
        "confirm": Flag(load_default=False),
    },
    reply=Queue,
    access=permission("queue.manage", realms=STAFF),
    errors=("not_found", "program_has_open_referrals"),
    honours_version=True,
)
describe_queue = contract.query(
    "describe_queue",
    "The text that a ReferralQ adds to the e-mail about an assignment.",
    request={"queue_id": Id(required=True)},
    reply={
        "queue_id": Id(required=True),
        "assignment_email_text": fields.String(required=True, allow_none=True),
    },
    access=only_services("notifications"),
    errors=("not_found",),
)

queue_created = contract.event(
    "queue_created", "A ReferralQ was created.", data={"queue_id": Id(required=True)}
)
queue_changed = contract.event(
    "queue_changed",
    "The statuses, settings, forms, programs or name of a ReferralQ were changed.",
    data={"queue_id": Id(required=True), "version": Count(required=True)},
)
queue_deactivated = contract.event(
    "queue_deactivated",
    "A ReferralQ was deactivated: it takes no new referrals.",
    data={"queue_id": Id(required=True), "open_referrals": Count(required=True)},
)
queue_reactivated = contract.event(
    "queue_reactivated",
    "A ReferralQ was reactivated: it takes referrals again.",
    data={"queue_id": Id(required=True)},
)
