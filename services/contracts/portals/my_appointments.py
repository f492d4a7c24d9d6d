"""Appointments as the people of a portal see and book them, for themselves or for somebody close to them."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import Reply, signed_in
from services.contracts.fields import CalendarDay, Count, Day, Flag, Id, Moment, one_of
from services.contracts.identity.paging import PAGE
from services.contracts.portals import contract
from services.contracts.portals.appointments import STATES, WHEN, FreeTimes
from services.contracts.portals.configuration import LANGUAGES
from services.contracts.portals.definitions import Suffix
from services.contracts.portals.schedules import BOOKING_REALMS

SELF_SCHEDULING, REQUEST_ONLY, NO_BOOKING = "self_scheduling", "request_only", "none"
MODES = (SELF_SCHEDULING, REQUEST_ONLY, NO_BOOKING)
MY_ACTIONS = ("move", "cancel")

# `portal`: whose settings hold, by default those of the caller's first portal with appointments. `person_id`: for whom,
# by default for the caller.
FOR_WHOM = {
    "portal": Suffix(load_default=None, allow_none=True),
    "person_id": Id(load_default=None, allow_none=True),
}
_ONE = {"portal": FOR_WHOM["portal"], "appointment_id": Id(required=True)}
OWN = signed_in(*BOOKING_REALMS)


class OfferedType(Reply):
    """A type of appointments that the caller may book or ask for."""

    id = Id(required=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    minutes = Count(required=True)
    preparation = fields.String(required=True, allow_none=True)


class Choice(Reply):
    """A provider to choose."""

    id = Id(required=True)
    name = fields.String(required=True)
    type_ids = fields.List(Id(), required=True)


class DueAppointment(Reply):
    """What the person is due for. `warning` stands next to the day where it is past and cannot be booked any more."""

    type_id = Id(required=True)
    type_name = fields.String(required=True)
    due_on = Day(required=True)
    is_past_due = Flag(required=True)
    warning = fields.String(required=True, allow_none=True)
    can_be_booked = Flag(required=True)


class MyScheduling(Reply):
    """How the caller comes to an appointment: which types, whether a provider is chosen, what is said above the form.

    `stop_minutes`: how long before its time nobody books, moves or cancels an appointment here any more; `stop_text` says what then.
    """

    person_id = Id(required=True)
    portal = Suffix(required=True)
    mode = one_of(MODES, required=True)
    can_book = Flag(required=True)
    can_ask = Flag(required=True)
    alert_text = fields.String(required=True, allow_none=True)
    stop_minutes = Count(required=True)
    stop_text = fields.String(required=True, allow_none=True)
    types = fields.List(fields.Nested(OfferedType), required=True)
    chooses_provider = Flag(required=True)
    offers_first_available = Flag(required=True)
    providers = fields.List(fields.Nested(Choice), required=True)
    due = fields.List(fields.Nested(DueAppointment), required=True)


class MyAppointment(Reply):
    """An appointment of the caller, or of a person whose schedule is open to the caller.

    `stop_text`: what the organisation says where it is too late to change it here.
    """

    id = Id(required=True)
    version = Count(required=True)
    person_id = Id(required=True)
    type_id = Id(required=True)
    type_name = fields.String(required=True)
    preparation = fields.String(required=True, allow_none=True)
    provider_id = Id(required=True, allow_none=True)
    provider_name = fields.String(required=True, allow_none=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    on = Day(required=True)
    place = fields.String(required=True)
    time_zone = fields.String(required=True)
    state = one_of(STATES, required=True)
    confirmed_at = Moment(required=True, allow_none=True)
    is_over = Flag(required=True)
    changes_until = Moment(required=True)
    stop_text = fields.String(required=True, allow_none=True)
    actions = fields.List(one_of(MY_ACTIONS), required=True)


class AppointmentToConfirm(Reply):
    """When and where an appointment is, and nothing else of it. `is_confirmed`: its person has confirmed this time."""

    id = Id(required=True)
    version = Count(required=True)
    person_id = Id(required=True)
    starts_at = Moment(required=True)
    on = Day(required=True)
    place = fields.String(required=True)
    time_zone = fields.String(required=True)
    is_confirmed = Flag(required=True)
    can_be_confirmed = Flag(required=True)


class MyAppointments(Reply):
    """The coming appointments, the next one first; and a page of past and cancelled ones, the latest first."""

    person_id = Id(required=True)
    coming = fields.List(fields.Nested(MyAppointment), required=True)
    items = fields.List(fields.Nested(MyAppointment), required=True)
    next = fields.String(required=True, allow_none=True)


get_my_scheduling = contract.query(
    "get_my_scheduling",
    "How the caller comes to an appointment in a portal: the mode, the types, the providers to choose, what is due.",
    request={**FOR_WHOM, **LANGUAGES},
    reply=MyScheduling,
    access=OWN,
    errors=("not_found", "scheduling_not_offered"),
)
list_my_free_times = contract.query(
    "list_my_free_times",
    "The next days with free times that the caller may book. Without a provider: where anybody is free.",
    request={
        **FOR_WHOM,
        "type_id": Id(required=True),
        "provider_id": Id(load_default=None, allow_none=True),
        "from_on": CalendarDay(load_default=None, allow_none=True),
    },
    reply=FreeTimes,
    access=OWN,
    errors=("not_found", "scheduling_not_offered", "past_due"),
)
list_my_appointments = contract.query(
    "list_my_appointments",
    "The appointments of the caller, or of a person whose schedule is open to the caller.",
    request={**FOR_WHOM, **PAGE},
    reply=MyAppointments,
    access=OWN,
    errors=("not_found", "scheduling_not_offered"),
)
get_my_appointment = contract.query(
    "get_my_appointment",
    "One appointment of the caller, or of a person whose schedule is open to the caller.",
    request=_ONE,
    reply=MyAppointment,
    access=OWN,
    errors=("not_found", "scheduling_not_offered"),
)
book_my_appointment = contract.command(
    "book_my_appointment",
    "Book a free time. Without a provider the first who is free at that place and time takes it.",
    request={
        **FOR_WHOM,
        "type_id": Id(required=True),
        "provider_id": Id(load_default=None, allow_none=True),
        **WHEN,
    },
    reply=MyAppointment,
    access=OWN,
    errors=(
        "not_found",
        "scheduling_not_offered",
        "slot_taken",
        "past_due",
        "too_late_to_change",
        "too_many_appointments",
    ),
    status=201,
)
move_my_appointment = contract.command(
    "move_my_appointment",
    "Move an appointment to another free time, as long as it can be changed.",
    request={**_ONE, **WHEN},
    reply=MyAppointment,
    access=OWN,
    errors=(
        "not_found",
        "scheduling_not_offered",
        "slot_taken",
        "past_due",
        "appointment_closed",
        "too_late_to_change",
        "too_many_appointments",
    ),
    expects_version=True,
)
cancel_my_appointment = contract.command(
    "cancel_my_appointment",
    "Cancel an appointment, as long as it can be changed.",
    request=_ONE,
    reply=MyAppointment,
    access=OWN,
    errors=("not_found", "scheduling_not_offered", "appointment_closed", "too_late_to_change"),
    expects_version=True,
)
get_appointment_to_confirm = contract.query(
    "get_appointment_to_confirm",
    "When and where an appointment of the caller is, to confirm it: for the page of a mail's link.",
    request={"appointment_id": Id(required=True)},
    reply=AppointmentToConfirm,
    access=OWN,
    errors=("not_found", "link_refused"),
)
confirm_my_appointment = contract.command(
    "confirm_my_appointment",
    "Confirm the time of an appointment of the caller, or of a person for whom the caller may book.",
    request={"appointment_id": Id(required=True)},
    reply=AppointmentToConfirm,
    access=OWN,
    errors=("not_found", "appointment_closed", "conflict", "link_refused"),
    expects_version=True,
)
