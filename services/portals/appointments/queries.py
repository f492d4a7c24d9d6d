"""Queries of appointments."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.portals.appointments import CANCELLED
from services.portals.appointment_invitations.queries import due_on
from services.portals.appointments import rules
from services.portals.appointments.free_times import Finder
from services.portals.appointments.models import Appointment
from services.portals.schedules import queries as schedules
from services.portals.schedules.models import AppointmentProvider, AppointmentType, Schedule
from services.portals.schedules.rules import bounds

_DAYS_AHEAD = 366  # staff look a year ahead
_COLUMNS = (
    "id", "version", "person_id", "type_id", "provider_id", "schedule_id", "starts_at", "ends_at", "on",
    "place", "time_zone", "state", "source", "booked_at", "confirmed_at",
)  # fmt: skip


def found(session: Session, appointment_id: str, *, for_change: bool = False) -> Appointment:
    """An appointment. Raises Refused `not_found`."""
    statement = select(Appointment).where(Appointment.id == appointment_id)
    row = session.scalars(statement.with_for_update() if for_change else statement).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no such appointment.", "appointment_id")
    return row


def get_appointment(session: Session, _caller: Caller, *, appointment_id: str) -> dict[str, Any]:
    """One appointment. Raises Refused `not_found`."""
    return view(session, found(session, appointment_id))


def list_appointments(
    session: Session,
    _caller: Caller,
    *,
    from_on: datetime.date | None,
    days: int,
    provider_id: str | None,
    with_cancelled: bool,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """A page of the appointments of some days, by time. Raises Refused `not_found` for a provider that is not there."""
    first = from_on or today(session, provider_id)
    last = first + datetime.timedelta(days=days - 1)
    statement = select(Appointment).where(Appointment.on >= first, Appointment.on <= last)
    if provider_id is not None:
        statement = statement.where(
            Appointment.provider_id == schedules.find_provider(session, provider_id).id
        )
    if not with_cancelled:
        statement = statement.where(Appointment.state != CANCELLED)
    if after is not None:
        place = read_cursor(after, "appointments", datetime.datetime, str)
        statement = statement.where(tuple_(Appointment.starts_at, Appointment.id) > tuple_(*place))
    ordered = statement.order_by(Appointment.starts_at, Appointment.id)
    length = datetime.timedelta(days=days)
    period = {"from_on": first, "until_on": last, "previous_on": first - length, "next_on": first + length}
    return {**_page(session, ordered, "appointments", limit), **period}


def list_person_appointments(
    session: Session, _caller: Caller, *, person_id: str, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of a person's appointments, the latest first."""
    statement = select(Appointment).where(Appointment.person_id == person_id)
    if after is not None:
        place = read_cursor(after, "person_appointments", datetime.datetime, str)
        statement = statement.where(tuple_(Appointment.starts_at, Appointment.id) < tuple_(*place))
    ordered = statement.order_by(Appointment.starts_at.desc(), Appointment.id.desc())
    return _page(session, ordered, "person_appointments", limit)


def list_free_times(
    session: Session,
    _caller: Caller,
    *,
    type_id: str,
    provider_id: str | None,
    from_on: datetime.date | None,
) -> dict[str, Any]:
    """The next days with free times. Raises Refused `not_found`."""
    return staff_finder(session, schedules.find_type(session, type_id), provider_id).next_days(from_on)


def staff_finder(session: Session, kind: AppointmentType, provider_id: str | None) -> Finder:
    """What finds the free times that staff can book: of all providers that take the type, or of one. Raises Refused `not_found`."""
    providers = chosen_providers(session, kind, provider_id)
    now = utc_now()
    return Finder(session, kind, providers, lambda zone: bounds(now, zone, 0, _DAYS_AHEAD), is_any=False)


def describe_appointment(session: Session, _caller: Caller, *, appointment_id: str) -> dict[str, Any]:
    """When and where an appointment is, for a message about it. Raises Refused `not_found`."""
    row = found(session, appointment_id)
    told = ("person_id", "version", "state", "starts_at", "ends_at", "place", "time_zone")
    is_due_again = row.state == CANCELLED and due_on(session, row.person_id, row.type_id) is not None
    can = rules.can_be_confirmed(row.state, row.starts_at, row.confirmed_at, utc_now())
    to_confirm = rules.state_of_time(row.version, row.confirmed_at) if can else None
    return {name: getattr(row, name) for name in told} | {
        "is_due_again": is_due_again,
        "to_confirm": to_confirm,
    }


def chosen_providers(
    session: Session, kind: AppointmentType, provider_id: str | None
) -> list[AppointmentProvider]:
    """The providers that take a type, or the one that is chosen. Raises Refused `not_found`."""
    able = schedules.providers_that_take(session, kind.id)
    if provider_id is None:
        return able
    chosen = [each for each in able if each.id == provider_id]
    if not chosen:
        raise Refused("not_found", "There is no such provider for this type of appointments.", "provider_id")
    return chosen


def today(
    session: Session, provider_id: str | None = None, *, at: datetime.datetime | None = None
) -> datetime.date:
    """The day that it is at the place: of this provider, or of the first that was added. `at`: at that time."""
    statement = select(Schedule.time_zone).order_by(Schedule.created_at, Schedule.id).limit(1)
    if provider_id is not None:
        statement = statement.where(Schedule.provider_id == provider_id)
    return (at or utc_now()).astimezone(ZoneInfo(session.scalar(statement) or "UTC")).date()


def names_of(session: Session, model: Any, ids: set[str]) -> dict[str, str]:
    """The names of types or providers, by id."""
    rows = session.execute(select(model.id, model.name).where(model.id.in_(ids)))
    return {row.id: row.name for row in rows}


def view(session: Session, row: Appointment) -> dict[str, Any]:
    """An appointment as the contract's Appointment."""
    return views(session, [row])[0]


def views(session: Session, rows: Sequence[Appointment]) -> list[dict[str, Any]]:
    """Appointments as the contract's Appointment. The names of people are identity's: the entrypoint adds them."""
    types = names_of(session, AppointmentType, {row.type_id for row in rows})
    providers = names_of(session, AppointmentProvider, {row.provider_id for row in rows})
    now = utc_now()
    return [
        {
            **{name: getattr(row, name) for name in _COLUMNS},
            "person_name": None,
            "type_name": types[row.type_id],
            "provider_name": providers[row.provider_id],
            "actions": rules.actions(row.state, row.starts_at, now),
        }
        for row in rows
    ]


def _page(session: Session, statement: Any, order: str, limit: int) -> dict[str, Any]:
    rows = list(session.scalars(statement.limit(limit + 1)))
    page = rows[:limit]
    is_last = len(rows) <= limit
    return {
        "items": views(session, page),
        "next": None if is_last else cursor_of(order, page[-1].starts_at, page[-1].id),
    }
