"""What referrals offers about ReferralQs beyond making and listing them: editing, deactivating, their programs."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import only_services, permission
from services.contracts.fields import Count, Flag, Id, Text
from services.contracts.referrals import contract
from services.contracts.referrals_queue_shapes import (
    ContactForm,
    Queue,
    QueueSettingsInput,
    QueueStatusInput,
)

edit_queue = contract.command(
    "edit_queue",
    "Change a ReferralQ. A list that is given replaces the old one; of the settings those that are given change.",
    request={
        "queue_id": Id(required=True),
        "name": Text(most=80),
        "description": Text(allow_none=True, most=2000),
        "statuses": fields.List(fields.Nested(QueueStatusInput)),
        "statuses_from_queue_id": Id(),
        "settings": fields.Nested(QueueSettingsInput),
        "forms": fields.List(fields.Nested(ContactForm), validate=validate.Length(max=50)),
    },
    reply=Queue,
    access=permission("queue.manage"),
    errors=("not_found", "queue_name_taken", "invalid_status_list", "invalid_queue", "status_in_use"),
    expects_version=True,
)
deactivate_queue = contract.command(
    "deactivate_queue",
    "Take a ReferralQ out of use. With open referrals it must be confirmed; they stay and can be worked on.",
    request={"queue_id": Id(required=True), "confirm": Flag(load_default=False)},
    reply=Queue,
    access=permission("queue.manage"),
    errors=("not_found", "queue_has_open_referrals"),
)
reactivate_queue = contract.command(
    "reactivate_queue",
    "Bring a ReferralQ back into use.",
    request={"queue_id": Id(required=True)},
    reply=Queue,
    access=permission("queue.manage"),
    errors=("not_found",),
)
remove_program_from_queue = contract.command(
    "remove_program_from_queue",
    "Unlink a program. With open referrals there it must be confirmed: who reaches the program only through its agency "
    "loses sight of them when it is in no ReferralQ any more.",
    request={
        "queue_id": Id(required=True),
        "program_id": Id(required=True),
        "confirm": Flag(load_default=False),
    },
    reply=Queue,
    access=permission("queue.manage"),
    errors=("not_found", "program_has_open_referrals"),
)
describe_queue = contract.query(
    "describe_queue",
    "What a ReferralQ adds to the e-mail about an assignment.",
    request={"queue_id": Id(required=True)},
    reply={
        "queue_id": Id(required=True),
        "assignment_email_text": fields.String(required=True, allow_none=True),
    },
    access=only_services("notifications"),
    errors=("not_found",),
)

queue_changed = contract.event(
    "queue_changed",
    "A ReferralQ has other statuses, settings, forms or programs, or another name.",
    data={"queue_id": Id(required=True), "version": Count(required=True)},
)
queue_deactivated = contract.event(
    "queue_deactivated",
    "A ReferralQ takes no new referrals.",
    data={"queue_id": Id(required=True), "open_referrals": Count(required=True)},
)
queue_reactivated = contract.event(
    "queue_reactivated", "A ReferralQ takes referrals again.", data={"queue_id": Id(required=True)}
)
