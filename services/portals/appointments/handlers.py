"""Commands of staff on appointments, each one transaction."""

from __future__ import annotations

import datetime
from typing import Any

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.portals import appointments as contract
from services.portals.appointments import booking, queries, rules
from services.portals.appointments.models import Appointment
from services.portals.schedules import queries as schedules

_EVENTS = {
    contract.ATTENDED: contract.appointment_attended,
    contract.MISSED: contract.appointment_missed,
}


def book_appointment(
    unit: UnitOfWork, person_id: str, *, type_id: str, schedule_id: str, starts_at: datetime.datetime
) -> dict[str, Any]:
    """Book an appointment for a person, by the id that stands for them now. Raises Refused `not_found`, `slot_taken`."""
    row = booked_by_staff(
        unit, person_id, type_id, schedule_id, starts_at, account_id=None, source=contract.BY_STAFF
    )
    return queries.view(unit.session, row)


def booked_by_staff(
    unit: UnitOfWork,
    person_id: str,
    type_id: str,
    schedule_id: str,
    starts_at: datetime.datetime,
    *,
    account_id: str | None,
    source: str,
) -> Appointment:
    """An appointment at a time that staff have chosen. Raises Refused `not_found`, `slot_taken`."""
    kind = schedules.find_type(unit.session, type_id)
    schedule = _schedule_that_takes(unit, schedule_id, type_id)
    rules.require_a_time(starts_at, unit.now)
    row = booking.book(
        unit, schedule, kind, starts_at, person_id=person_id, account_id=account_id, source=source
    )
    if row is None:
        raise booking.slot_taken()
    return row


def move_appointment(
    unit: UnitOfWork, *, appointment_id: str, schedule_id: str, starts_at: datetime.datetime
) -> dict[str, Any]:
    """Move an appointment. Raises Refused `not_found`, `slot_taken`, `appointment_closed`."""
    row = _standing(unit, appointment_id)
    schedule = _schedule_that_takes(unit, schedule_id, row.type_id)
    rules.require_a_time(starts_at, unit.now)
    booking.move(unit, row, schedule, starts_at)
    return queries.view(unit.session, row)


def cancel_appointment(unit: UnitOfWork, *, appointment_id: str) -> dict[str, Any]:
    """Cancel an appointment. Raises Refused `not_found`, `appointment_closed`."""
    row = _standing(unit, appointment_id)
    booking.close(unit, row, contract.CANCELLED, contract.appointment_cancelled)
    return queries.view(unit.session, row)


def close_appointment(unit: UnitOfWork, *, appointment_id: str, outcome: str) -> dict[str, Any]:
    """Record who came. Raises Refused `not_found`, `appointment_closed`."""
    row = _standing(unit, appointment_id)
    rules.require_begun(row.starts_at, unit.now)
    booking.close(unit, row, outcome, _EVENTS[outcome])
    return queries.view(unit.session, row)


def _standing(unit: UnitOfWork, appointment_id: str) -> Appointment:
    row = queries.found(unit.session, appointment_id, for_change=True)
    unit.require_version(row)
    rules.require_booked(row.state)
    return row


def _schedule_that_takes(unit: UnitOfWork, schedule_id: str, type_id: str) -> Any:
    """A schedule of an active provider that takes the type. Raises Refused `not_found`."""
    schedule = schedules.find_schedule(unit.session, schedule_id)
    provider = schedules.find_provider(unit.session, schedule.provider_id)
    if type_id not in provider.type_ids or not provider.is_active:
        detail = "This provider takes no appointments of this type. Choose another provider."
        raise Refused("invalid_request", f"schedule_id: {detail}", "schedule_id")
    return schedule
