"""What can be booked: types of appointments, who sees people, and when and where they do."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate

from services.contracts.declare import Reply, Request, page_of
from services.contracts.fields import (
    CalendarDay,
    Code,
    Count,
    Day,
    Flag,
    Id,
    Text,
    TimeZone,
    number_of,
    one_of,
)
from services.contracts.identity.paging import PAGE
from services.contracts.identity.permissions import MANAGE_APPOINTMENTS
from services.contracts.portals import contract

GRID_MINUTES = 5  # all times of appointments lie on this grid
LONGEST_MINUTES = 480
BOOKING_REALMS = ("patient", "family", "employee")


class TimeOfDay(fields.String):
    """A time of the day on the grid, such as 08:30."""

    def __init__(self, **options: Any) -> None:
        rule = "A time such as 08:30 is expected, in steps of five minutes."
        super().__init__(validate=validate.Regexp(r"([01][0-9]|2[0-3]):[0-5][05]\Z", error=rule), **options)


def _on_grid(minutes: int) -> None:
    if minutes % GRID_MINUTES:
        raise ValidationError("A number of minutes in steps of five is expected.")


class TypeMembers(Request):
    """A type of appointments. `realms`: who may book or ask for it. `changes_until_hours`: until when they may change it.

    `lead_days` and `days_ahead`: the first and the last day from today on which it can be booked or asked for in a portal, as far as
    the portal allows it; `days_ahead` null: as far ahead as the portal.
    """

    name = Text(required=True, most=60)
    minutes = fields.Integer(
        required=True, strict=True, validate=[validate.Range(GRID_MINUTES, LONGEST_MINUTES), _on_grid]
    )
    realms = fields.List(
        one_of(BOOKING_REALMS), load_default=lambda: list(BOOKING_REALMS), validate=validate.Length(max=3)
    )
    is_shown_to_supervisors = Flag(load_default=False)
    preparation = Text(load_default=None, allow_none=True, most=1000)
    changes_until_hours = Count(load_default=24, most=720)
    lead_days = Count(load_default=0, most=365)
    days_ahead = Count(load_default=None, allow_none=True, most=730)
    is_active = Flag(load_default=True)


class AppointmentType(Reply):
    """A type of appointments. One that is not active is offered to nobody."""

    id = Id(required=True)
    version = Count(required=True)
    code = Code(required=True)
    name = fields.String(required=True)
    minutes = Count(required=True)
    realms = fields.List(fields.String(), required=True)
    is_shown_to_supervisors = Flag(required=True)
    preparation = fields.String(required=True, allow_none=True)
    changes_until_hours = Count(required=True)
    lead_days = Count(required=True)
    days_ahead = Count(required=True, allow_none=True)
    is_active = Flag(required=True)


class ProviderMembers(Request):
    """Somebody, or something such as a room, that people have appointments with, and the types that it takes."""

    name = Text(required=True, most=60)
    type_ids = fields.List(Id(), required=True, validate=validate.Length(max=50))
    is_active = Flag(load_default=True)


class AppointmentProvider(Reply):
    """Whom people have appointments with."""

    id = Id(required=True)
    version = Count(required=True)
    name = fields.String(required=True)
    type_ids = fields.List(Id(), required=True)
    is_active = Flag(required=True)


class Hours(Request):
    """Opening hours of some days of the week (1 is Monday), every so many weeks from `starting_on` on."""

    weekdays = fields.List(number_of(7), required=True, validate=validate.Length(min=1, max=7))
    opens = TimeOfDay(required=True)
    closes = TimeOfDay(required=True)
    every_weeks = number_of(8, load_default=1)
    starting_on = CalendarDay(load_default=None, allow_none=True)


class ScheduleException(Request):
    """Days with other hours, holidays too. Without hours nobody is seen."""

    first_on = CalendarDay(required=True)
    last_on = CalendarDay(load_default=None, allow_none=True)
    opens = TimeOfDay(load_default=None, allow_none=True)
    closes = TimeOfDay(load_default=None, allow_none=True)


class ScheduleMembers(Request):
    """When and where a provider sees people. `holidays`: the country, or `US-CA`, on whose holidays nobody is seen."""

    place = Text(required=True, most=200)
    time_zone = TimeZone(required=True)
    hours = fields.List(fields.Nested(Hours), required=True, validate=validate.Length(max=50))
    exceptions = fields.List(
        fields.Nested(ScheduleException), load_default=list, validate=validate.Length(max=200)
    )
    holidays = Text(load_default=None, allow_none=True, most=10)
    from_on = CalendarDay(load_default=None, allow_none=True)
    until_on = CalendarDay(load_default=None, allow_none=True)


class Schedule(Reply):
    """When and where a provider sees people, in the time of the place."""

    id = Id(required=True)
    version = Count(required=True)
    provider_id = Id(required=True)
    place = fields.String(required=True)
    time_zone = fields.String(required=True)
    hours = fields.List(fields.Nested(Hours), required=True)
    exceptions = fields.List(fields.Nested(ScheduleException), required=True)
    holidays = fields.String(required=True, allow_none=True)
    from_on = Day(required=True, allow_none=True)
    until_on = Day(required=True, allow_none=True)


list_appointment_types = contract.query(
    "list_appointment_types",
    "The types of appointments, in the order in which they were added.",
    request={**PAGE},
    reply=page_of(AppointmentType),
    access=MANAGE_APPOINTMENTS,
)
get_appointment_type = contract.query(
    "get_appointment_type",
    "A type of appointments.",
    request={"type_id": Id(required=True)},
    reply=AppointmentType,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
)
create_appointment_type = contract.command(
    "create_appointment_type",
    "Add a type of appointments. It can be booked with the providers that take it.",
    request=type("CreateAppointmentType", (TypeMembers,), {"code": Code(required=True)}),
    reply=AppointmentType,
    access=MANAGE_APPOINTMENTS,
    errors=("appointment_type_taken",),
    status=201,
)
change_appointment_type = contract.command(
    "change_appointment_type",
    "Change a type of appointments as a whole. What is booked stays as it is.",
    request=type("ChangeAppointmentType", (TypeMembers,), {"type_id": Id(required=True)}),
    reply=AppointmentType,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
    expects_version=True,
)
list_appointment_providers = contract.query(
    "list_appointment_providers",
    "Whom people have appointments with, in the order in which they were added.",
    request={**PAGE},
    reply=page_of(AppointmentProvider),
    access=MANAGE_APPOINTMENTS,
)
get_appointment_provider = contract.query(
    "get_appointment_provider",
    "One of those with whom people have appointments.",
    request={"provider_id": Id(required=True)},
    reply=AppointmentProvider,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
)
create_appointment_provider = contract.command(
    "create_appointment_provider",
    "Add somebody whom people have appointments with. A schedule says when.",
    request=ProviderMembers,
    reply=AppointmentProvider,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
    status=201,
)
change_appointment_provider = contract.command(
    "change_appointment_provider",
    "Change a name, or the types that somebody takes. What is booked stays as it is.",
    request=type("ChangeAppointmentProvider", (ProviderMembers,), {"provider_id": Id(required=True)}),
    reply=AppointmentProvider,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
    expects_version=True,
)
list_schedules = contract.query(
    "list_schedules",
    "When and where a provider sees people: one schedule for each place.",
    request={"provider_id": Id(required=True)},
    reply={"items": fields.List(fields.Nested(Schedule), required=True)},
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
)
get_schedule = contract.query(
    "get_schedule",
    "A schedule of a provider.",
    request={"schedule_id": Id(required=True)},
    reply=Schedule,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
)
create_schedule = contract.command(
    "create_schedule",
    "Add a schedule of a provider, at most 20. From then on its times can be booked.",
    request=type("CreateSchedule", (ScheduleMembers,), {"provider_id": Id(required=True)}),
    reply=Schedule,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found", "conflict"),
    status=201,
)
change_schedule = contract.command(
    "change_schedule",
    "Change a schedule as a whole. What is booked stays, also where nobody is seen any longer.",
    request=type("ChangeSchedule", (ScheduleMembers,), {"schedule_id": Id(required=True)}),
    reply=Schedule,
    access=MANAGE_APPOINTMENTS,
    errors=("not_found",),
    expects_version=True,
)
