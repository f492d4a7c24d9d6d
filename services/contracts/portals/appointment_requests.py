"""Requests for appointments: people say what suits them, staff find a time."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, page_of, signed_in
from services.contracts.fields import CalendarDay, Count, Day, Flag, Id, Moment, Text, one_of
from services.contracts.identity.paging import PAGE
from services.contracts.identity.permissions import MANAGE_APPOINTMENTS
from services.contracts.portals import contract
from services.contracts.portals.appointments import STATES, WHEN, Appointment, FreeTimes
from services.contracts.portals.definitions import Suffix
from services.contracts.portals.my_appointments import FOR_WHOM, OWN, OfferedType

OPEN, BOOKED, DECLINED, WITHDRAWN = "open", "booked", "declined", "withdrawn"
REQUEST_STATES = (OPEN, BOOKED, DECLINED, WITHDRAWN)
PARTS_OF_DAY = ("morning", "afternoon", "evening")


class AppointmentRequest(Reply):
    """What suits the person. The note is for the staff who find a time."""

    id = Id(required=True)
    version = Count(required=True)
    person_id = Id(required=True)
    type_id = Id(required=True)
    type_name = fields.String(required=True)
    earliest_on = Day(required=True, allow_none=True)
    latest_on = Day(required=True, allow_none=True)
    parts_of_day = fields.List(one_of(PARTS_OF_DAY), required=True)
    note = fields.String(required=True, allow_none=True)
    state = one_of(REQUEST_STATES, required=True)
    asked_at = Moment(required=True)
    closed_at = Moment(required=True, allow_none=True)
    answer = fields.String(required=True, allow_none=True)
    appointment_id = Id(required=True, allow_none=True)
    is_open = Flag(required=True)


class StaffRequest(AppointmentRequest):
    """A request as staff see it: for whom, from which portal, by whom where it was somebody else."""

    person_name = fields.String(required=True, allow_none=True)
    portal = Suffix(required=True)
    account_id = Id(required=True)
    is_by_supervisor = Flag(required=True)


class EmployeeAppointment(Reply):
    """An appointment of an employee, as a supervisor sees it. `type_name` is null where it is none of their business."""

    type_name = fields.String(required=True, allow_none=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    on = Day(required=True)
    place = fields.String(required=True)
    time_zone = fields.String(required=True)
    state = one_of(STATES, required=True)


class EmployeeScheduling(Reply):
    """What a supervisor may ask for, and what is coming for an employee."""

    person_id = Id(required=True)
    portal = Suffix(required=True)
    module_name = fields.String(required=True)
    types = fields.List(fields.Nested(OfferedType), required=True)
    appointments = fields.List(fields.Nested(EmployeeAppointment), required=True)
    requests = fields.List(fields.Nested(AppointmentRequest), required=True)


_WISHES = {
    "type_id": Id(required=True),
    "earliest_on": CalendarDay(load_default=None, allow_none=True),
    "latest_on": CalendarDay(load_default=None, allow_none=True),
    "parts_of_day": fields.List(
        one_of(PARTS_OF_DAY), load_default=list, validate=validate.Length(max=len(PARTS_OF_DAY))
    ),
    "note": Text(load_default=None, allow_none=True, most=1000),
}
_OF_EMPLOYEE = {"portal": FOR_WHOM["portal"], "person_id": Id(required=True)}
_ONE = {"request_id": Id(required=True)}
_REFUSED = ("not_found", "scheduling_not_offered", "message_type_not_offered", "too_many_appointments")

request_my_appointment = contract.command(
    "request_my_appointment",
    "Ask for an appointment, with what suits the person. Once staff have found a time it is among the appointments.",
    request={**FOR_WHOM, **_WISHES},
    reply=AppointmentRequest,
    access=OWN,
    errors=_REFUSED,
    status=201,
)
list_my_appointment_requests = contract.query(
    "list_my_appointment_requests",
    "What was asked for the caller, or for a person whose schedule is open to the caller, newest first.",
    request={**FOR_WHOM, **PAGE},
    reply=page_of(AppointmentRequest),
    access=OWN,
    errors=("not_found",),
)
withdraw_my_appointment_request = contract.command(
    "withdraw_my_appointment_request",
    "Take back a request that staff have not answered.",
    request=_ONE,
    reply=AppointmentRequest,
    access=OWN,
    errors=("not_found", "appointment_request_closed"),
    expects_version=True,
)
get_employee_scheduling = contract.query(
    "get_employee_scheduling",
    "The coming appointments of an employee whom the caller supervises, and what may be asked for (S2-14, S2-90).",
    request=_OF_EMPLOYEE,
    reply=EmployeeScheduling,
    access=signed_in("employee"),
    errors=("not_found", "scheduling_not_offered"),
)
request_employee_appointment = contract.command(
    "request_employee_appointment",
    "Ask for an appointment of an employee whom the caller supervises (S2-90).",
    request={**_OF_EMPLOYEE, **_WISHES},
    reply=AppointmentRequest,
    access=signed_in("employee"),
    errors=_REFUSED,
    status=201,
)
list_appointment_requests = contract.query(
    "list_appointment_requests",
    "Requests for appointments that wait for an answer, the oldest first; or those that are answered, the newest first.",
    request={"is_open": Flag(load_default=True), **PAGE},
    reply=page_of(StaffRequest),
    access=MANAGE_APPOINTMENTS,
)
get_appointment_request = contract.query(
    "get_appointment_request",
    "One request for an appointment. Reading it is audited.",
    request=_ONE,
    reply=StaffRequest,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
)
list_requested_times = contract.query(
    "list_requested_times",
    "The next days with free times that suit a request: its days, its times of the day at the place. Other times, too, "
    "unless `is_wished`.",
    request={
        **_ONE,
        "from_on": CalendarDay(load_default=None, allow_none=True),
        "is_wished": Flag(load_default=True),
    },
    reply=FreeTimes,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
)
book_requested_appointment = contract.command(
    "book_requested_appointment",
    "Book the time that staff have found for a request. The person is told.",
    request={**_ONE, **WHEN},
    reply=Appointment,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found", "slot_taken", "appointment_request_closed"),
    status=201,
    expects_version=True,
)
decline_appointment_request = contract.command(
    "decline_appointment_request",
    "Answer a request without an appointment. The person reads why.",
    request={**_ONE, "answer": Text(required=True, most=1000)},
    reply=StaffRequest,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found", "appointment_request_closed"),
    expects_version=True,
)
_TOLD = {"person_id": Id(required=True), "account_id": Id(required=True), "version": Count(required=True)}
appointment_requested = contract.event(
    "appointment_requested", "Somebody has asked for an appointment.", data=_TOLD
)
appointment_request_declined = contract.event(
    "appointment_request_declined", "Staff have answered a request without an appointment.", data=_TOLD
)
