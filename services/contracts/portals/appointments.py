"""Appointments as staff manage them: the calendar, booking, moving, cancelling, who came."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import Reply, only_services, page_of
from services.contracts.fields import (
    CalendarDay,
    CalendarMoment,
    Code,
    Count,
    Day,
    Flag,
    Id,
    Moment,
    number_of,
    one_of,
)
from services.contracts.identity.paging import PAGE
from services.contracts.identity.permissions import MANAGE_APPOINTMENTS
from services.contracts.portals import contract

BOOKED, CANCELLED, MISSED, ATTENDED = "booked", "cancelled", "missed", "attended"
STATES = (BOOKED, CANCELLED, MISSED, ATTENDED)
BY_PERSON, BY_STAFF, BY_REQUEST = "person", "staff", "request"
SOURCES = (BY_PERSON, BY_STAFF, BY_REQUEST)
ACTIONS = ("move", "cancel", "attend", "miss")


class Appointment(Reply):
    """An appointment. `on` is its day at the place; `actions` are what can be done with it now."""

    id = Id(required=True)
    version = Count(required=True)
    person_id = Id(required=True)
    person_name = fields.String(required=True, allow_none=True)
    type_id = Id(required=True)
    type_name = fields.String(required=True)
    provider_id = Id(required=True)
    provider_name = fields.String(required=True)
    schedule_id = Id(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    on = Day(required=True)
    place = fields.String(required=True)
    time_zone = fields.String(required=True)
    state = one_of(STATES, required=True)
    source = one_of(SOURCES, required=True)
    booked_at = Moment(required=True)
    confirmed_at = Moment(
        required=True,
        allow_none=True,
        metadata={"description": "when the person confirmed this time; null: not yet"},
    )
    actions = fields.List(one_of(ACTIONS), required=True)


class FreeTime(Reply):
    """A time that can be booked. `provider_name` is null where any provider will do."""

    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    schedule_id = Id(required=True)
    provider_id = Id(required=True)
    provider_name = fields.String(required=True, allow_none=True)
    place = fields.String(required=True)
    time_zone = fields.String(required=True)


class FreeDay(Reply):
    """A day with free times, by the days of the place. With `is_cut` there are more: choose a provider to see them."""

    on = Day(required=True)
    times = fields.List(fields.Nested(FreeTime), required=True)
    is_cut = Flag(required=True)


class FreeTimes(Reply):
    """Days with free times. `next_from_on` is where to look further; null where nothing more can be booked."""

    days = fields.List(fields.Nested(FreeDay), required=True)
    next_from_on = Day(required=True, allow_none=True)


WHEN = {"schedule_id": Id(required=True), "starts_at": CalendarMoment(required=True)}
_ONE = {"appointment_id": Id(required=True)}

list_appointments = contract.query(
    "list_appointments",
    "The appointments of some days, by time: of all providers, or of one. Without a day it begins today.",
    request={
        "from_on": CalendarDay(load_default=None, allow_none=True),
        "days": number_of(31, load_default=1),
        "provider_id": Id(load_default=None, allow_none=True),
        "with_cancelled": Flag(load_default=False),
        **PAGE,
    },
    reply=type(
        "AppointmentPage",
        (page_of(Appointment),),
        {name: Day(required=True) for name in ("from_on", "until_on", "previous_on", "next_on")},
    ),
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
)
get_appointment = contract.query(
    "get_appointment",
    "One appointment. Reading it is audited.",
    request=_ONE,
    reply=Appointment,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
)
list_person_appointments = contract.query(
    "list_person_appointments",
    "The appointments of a person, the latest first. Each look is audited.",
    request={"person_id": Id(required=True), **PAGE},
    reply=page_of(Appointment),
    access=MANAGE_APPOINTMENTS,
)
list_free_times = contract.query(
    "list_free_times",
    "The next days with free times for a type of appointments: of all providers that take it, or of one.",
    request={
        "type_id": Id(required=True),
        "provider_id": Id(load_default=None, allow_none=True),
        "from_on": CalendarDay(load_default=None, allow_none=True),
    },
    reply=FreeTimes,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
)
book_appointment = contract.command(
    "book_appointment",
    "Book an appointment for a person, at any time at which the provider is free, also outside the usual hours.",
    request={"person_id": Id(required=True), "type_id": Id(required=True), **WHEN},
    reply=Appointment,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found", "slot_taken"),
    status=201,
)
move_appointment = contract.command(
    "move_appointment",
    "Move an appointment to another time, or to another provider's schedule.",
    request={**_ONE, **WHEN},
    reply=Appointment,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found", "slot_taken", "appointment_closed"),
    expects_version=True,
)
cancel_appointment = contract.command(
    "cancel_appointment",
    "Cancel an appointment. Its time is free again, and the person is told.",
    request=_ONE,
    reply=Appointment,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found", "appointment_closed"),
    expects_version=True,
)
close_appointment = contract.command(
    "close_appointment",
    "Record who came: an appointment that has begun was attended or missed. A missed one is told to the person.",
    request={**_ONE, "outcome": one_of((ATTENDED, MISSED), required=True)},
    reply=Appointment,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found", "appointment_closed"),
    expects_version=True,
)
describe_appointment = contract.query(
    "describe_appointment",
    "When and where an appointment is, for a message about it: neither its type nor its provider. `is_due_again`: the person "
    "still has to book one of this kind.",
    request=_ONE,
    reply={
        "person_id": Id(required=True),
        "version": Count(required=True),
        "state": one_of(STATES, required=True),
        "starts_at": Moment(required=True),
        "ends_at": Moment(required=True),
        "place": fields.String(required=True),
        "time_zone": fields.String(required=True),
        "is_due_again": Flag(required=True),
        "to_confirm": Code(
            required=True,
            allow_none=True,
            metadata={
                "description": "its state while the person can confirm it, for the link of a mail; else null"
            },
        ),
    },
    access=only_services("notifications"),
    errors=("not_found",),
)

_TOLD = {
    "person_id": Id(required=True),
    "account_id": Id(required=True, allow_none=True),
    "starts_at": Moment(required=True),
    "version": Count(required=True),
}
appointment_booked = contract.event("appointment_booked", "An appointment was booked.", data=_TOLD)
appointment_moved = contract.event(
    "appointment_moved", "An appointment was moved to another time.", data=_TOLD
)
appointment_confirmed = contract.event(
    "appointment_confirmed", "A person has confirmed the time of an appointment.", data=_TOLD
)
appointment_cancelled = contract.event(
    "appointment_cancelled", "An appointment was cancelled. Its time is free again.", data=_TOLD
)
appointment_missed = contract.event("appointment_missed", "A person missed an appointment.", data=_TOLD)
appointment_attended = contract.event("appointment_attended", "A person came to an appointment.", data=_TOLD)
