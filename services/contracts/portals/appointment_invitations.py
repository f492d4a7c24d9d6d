"""Who is due for an appointment, by when, and who has booked it."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, page_of
from services.contracts.fields import CalendarDay, Count, Day, Flag, Id, Moment
from services.contracts.identity.paging import PAGE
from services.contracts.identity.permissions import MANAGE_APPOINTMENTS
from services.contracts.portals import contract

MOST_INVITED = 200


class Invitation(Reply):
    """A person who is due. `appointment_id` names what was booked for it."""

    id = Id(required=True)
    person_id = Id(required=True)
    person_name = fields.String(required=True, allow_none=True)
    type_id = Id(required=True)
    type_name = fields.String(required=True)
    due_on = Day(required=True)
    invited_at = Moment(required=True)
    appointment_id = Id(required=True, allow_none=True)


invite_to_appointment = contract.command(
    "invite_to_appointment",
    "Invite people who are due for a type of appointments until a day. Who is due for it already gets the new day.",
    request={
        "type_id": Id(required=True),
        "person_ids": fields.List(Id(), required=True, validate=validate.Length(min=1, max=MOST_INVITED)),
        "due_on": CalendarDay(required=True),
    },
    reply={"invited": Count(required=True)},
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
    status=201,
)
list_appointment_invitations = contract.query(
    "list_appointment_invitations",
    "Who is due for a type of appointments, the latest invited first, with what they have booked.",
    request={"type_id": Id(required=True), "is_open": Flag(load_default=False), **PAGE},
    reply=page_of(Invitation),
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
)
appointment_invited = contract.event(
    "appointment_invited",
    "A person was invited to book an appointment.",
    data={"person_id": Id(required=True), "type_id": Id(required=True)},
)
