"""Recipients of notices: the accounts that are told what concerns a person, and those of a group of the staff."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import Reply, only_services
from services.contracts.fields import Flag, Id
from services.contracts.identity import contract


class Recipient(Reply):
    """An account to write to. An account that has not accepted its invitation counts as unverified (S0-43)."""

    account_id = Id(required=True)
    email_is_verified = Flag(required=True)


list_person_recipients = contract.query(
    "list_person_recipients",
    "The accounts that are told what concerns a person: the person's own, and those of supervisors as of now. Who looks after a "
    "schedule is told in the person's place where the person has no account; `booked_by` is told as well while the schedule "
    "is open to it.",
    request={"person_id": Id(required=True), "booked_by": Id(load_default=None, allow_none=True)},
    reply={
        "persons": fields.List(fields.Nested(Recipient), required=True),
        "supervisors": fields.List(fields.Nested(Recipient), required=True),
    },
    access=only_services("notifications"),
)
list_role_recipients = contract.query(
    "list_role_recipients",
    "The accounts of the staff that hold a role, such as that of the management.",
    request={"role_id": Id(required=True)},
    reply={"recipients": fields.List(fields.Nested(Recipient), required=True)},
    access=only_services("notifications"),
    errors=("not_found",),
)
