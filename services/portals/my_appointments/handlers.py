"""Commands of the people of a portal on their appointments, each one transaction."""

from __future__ import annotations

import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from services.chassis.database import hold_counter
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.portals import appointments as contract
from services.portals.appointments import booking
from services.portals.appointments.models import Appointment
from services.portals.my_appointments import access, queries, rules
from services.portals.schedules import queries as schedules


def book_my_appointment(
    unit: UnitOfWork,
    caller: Caller,
    *,
    portal: str | None,
    person_id: str | None,
    type_id: str,
    provider_id: str | None,
    schedule_id: str,
    starts_at: datetime.datetime,
) -> dict[str, Any]:
    """Book a free time.

    Raises Refused `not_found`, `scheduling_not_offered`, `slot_taken`, `past_due`, `too_late_to_change`, `too_many_appointments`.
    """
    _, options = access.options_of(unit.session, caller, portal)
    person = access.person_booked_for(caller, person_id)
    wish = queries.wished(unit.session, caller, options, person, type_id)
    rules.require_choice(options, provider_id)
    hold_counter(unit.session, "coming_appointments", person)
    rules.require_room(_coming(unit, person))
    row = _booked(unit, caller, wish, provider_id, schedule_id, starts_at)
    return queries.view(unit.session, caller, options, row)


def move_my_appointment(
    unit: UnitOfWork,
    caller: Caller,
    *,
    portal: str | None,
    appointment_id: str,
    schedule_id: str,
    starts_at: datetime.datetime,
) -> dict[str, Any]:
    """Move an appointment to another free time. Raises Refused as `book_my_appointment`, `too_late_to_change`."""
    _, options = access.options_of(unit.session, caller, portal)
    row = _changeable(unit, caller, options, appointment_id)
    rules.require_moves_left(row.moves)
    wish = queries.wished(unit.session, caller, options, row.person_id, row.type_id)
    chosen = schedules.find_schedule(unit.session, schedule_id)
    _require_in_time(wish, chosen, starts_at, unit.now)
    provider_id = chosen.provider_id if rules.chooses_provider(options) else None
    finder = queries.finder(unit.session, wish, provider_id)
    schedule = next(finder.at(starts_at, chosen, row.id), None)
    if schedule is None:
        raise booking.slot_taken()
    row.moves += 1
    booking.move(unit, row, schedule, starts_at)
    return queries.view(unit.session, caller, options, row)


def cancel_my_appointment(
    unit: UnitOfWork, caller: Caller, *, portal: str | None, appointment_id: str
) -> dict[str, Any]:
    """Cancel an appointment. Raises Refused `not_found`, `appointment_closed`, `too_late_to_change`."""
    _, options = access.options_of(unit.session, caller, portal)
    row = _changeable(unit, caller, options, appointment_id)
    booking.close(unit, row, contract.CANCELLED, contract.appointment_cancelled)
    return queries.view(unit.session, caller, options, row)


def _booked(
    unit: UnitOfWork,
    caller: Caller,
    wish: queries.Wish,
    provider_id: str | None,
    schedule_id: str,
    starts_at: datetime.datetime,
) -> Appointment:
    """The appointment with the first provider who is free. Raises Refused `not_found`, `slot_taken`."""
    chosen = schedules.find_schedule(unit.session, schedule_id)
    _require_in_time(wish, chosen, starts_at, unit.now)
    for schedule in queries.finder(unit.session, wish, provider_id).at(starts_at, chosen):
        row = booking.book(
            unit,
            schedule,
            wish.kind,
            starts_at,
            person_id=wish.person_id,
            account_id=caller.id,
            source=contract.BY_PERSON,
        )
        if row is not None:
            return row
    raise booking.slot_taken()


def _require_in_time(
    wish: queries.Wish, schedule: Any, starts_at: datetime.datetime, now: datetime.datetime
) -> None:
    day = starts_at.astimezone(ZoneInfo(schedule.time_zone)).date()
    rules.require_not_past_due(wish.options, wish.due_on, day)
    rules.require_not_stopped(wish.options, starts_at, now)


def _changeable(unit: UnitOfWork, caller: Caller, options: rules.Options, appointment_id: str) -> Appointment:
    row = queries.found(unit.session, caller, appointment_id, for_change=True)
    unit.require_version(row)
    kind = schedules.find_type(unit.session, row.type_id)
    until = rules.changes_until(row.starts_at, kind.changes_until_hours, options)
    rules.require_change(row.state, until, unit.now)
    return row


def _coming(unit: UnitOfWork, person_id: str) -> int:
    statement = (
        select(func.count())
        .select_from(Appointment)
        .where(
            Appointment.person_id == person_id,
            Appointment.state == contract.BOOKED,
            Appointment.starts_at > unit.now,
        )
    )
    return unit.session.scalar(statement) or 0
