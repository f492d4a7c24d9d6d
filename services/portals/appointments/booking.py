"""Taking and freeing the time of a provider. The database refuses what is taken, so nothing is booked twice."""

from __future__ import annotations

import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete

from services.chassis import wire
from services.chassis.database import insert_into
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.declare import Event
from services.contracts.errors import Refused
from services.contracts.portals import appointments as contract
from services.portals.appointment_invitations import bookings
from services.portals.appointments import rules
from services.portals.appointments.models import Appointment, TakenTime


def slot_taken() -> Refused:
    """The refusal of a time that is not free."""
    return Refused("slot_taken", "This time is not free any more. Choose another one.", "starts_at")


def book(
    unit: UnitOfWork,
    schedule: Any,
    kind: Any,
    starts_at: datetime.datetime,
    *,
    person_id: str,
    account_id: str | None,
    source: str,
) -> Appointment | None:
    """Book a time in a schedule. None where the provider is not free."""
    row = Appointment(
        id=wire.new_id(), version=1, organisation_key=unit.organisation_key, person_id=person_id,
        first_person_id=person_id, account_id=account_id, type_id=kind.id, provider_id=schedule.provider_id,
        schedule_id=schedule.id, starts_at=starts_at, ends_at=starts_at + datetime.timedelta(minutes=kind.minutes),
        on=_local_day(schedule, starts_at), place=schedule.place, time_zone=schedule.time_zone, state=contract.BOOKED,
        source=source, moves=0, booked_at=unit.now, reminds_at=rules.reminds_at(starts_at, unit.now),
    )  # fmt: skip
    unit.add(row)
    unit.session.flush()
    if not _take(unit, row):
        unit.session.delete(row)
        unit.session.flush()
        return None
    bookings.booked(unit, row)
    tell(unit, contract.appointment_booked, row)
    return row


def move(unit: UnitOfWork, row: Appointment, schedule: Any, starts_at: datetime.datetime) -> None:
    """Move an appointment. Raises Refused `slot_taken`; then the transaction has to end."""
    length = row.ends_at - row.starts_at
    free(unit, row)
    row.provider_id, row.schedule_id = schedule.provider_id, schedule.id
    row.starts_at, row.ends_at = starts_at, starts_at + length
    row.on, row.place, row.time_zone = _local_day(schedule, starts_at), schedule.place, schedule.time_zone
    row.reminds_at, row.confirmed_at = rules.reminds_at(starts_at, unit.now), None
    if not _take(unit, row):
        raise slot_taken()
    change(unit, row, contract.appointment_moved)


def close(unit: UnitOfWork, row: Appointment, state: str, event: Event) -> None:
    """End an appointment. The time of one that is cancelled is free again."""
    row.state, row.reminds_at = state, None
    if state == contract.CANCELLED:
        free(unit, row)
        bookings.cancelled(unit, row)
    change(unit, row, event)


def change(unit: UnitOfWork, row: Appointment, event: Event) -> None:
    """Note a change and tell of it."""
    row.version += 1
    tell(unit, event, row)


def tell(unit: UnitOfWork, event: Event, row: Appointment) -> None:
    """Audit and publish what happened to an appointment."""
    facts = {name: getattr(row, name) for name in ("person_id", "account_id", "version")}
    unit.audit(event.name.replace("_", ".", 1), "appointment", row.id, **facts, state=row.state)
    unit.publish(event, row.id, {**facts, "starts_at": row.starts_at})


def free(unit: UnitOfWork, row: Appointment) -> None:
    """Free the time that an appointment takes."""
    unit.session.execute(delete(TakenTime).where(TakenTime.appointment_id == row.id))


def _take(unit: UnitOfWork, row: Appointment) -> bool:
    """Take the time of the provider. False where any of it is taken; then none is taken.

    In PostgreSQL somebody who wants the same time waits here until the first has committed.
    """
    connection = unit.session.connection()
    rows = [
        {
            "organisation_id": unit.organisation_id,
            "provider_id": row.provider_id,
            "at": at,
            "appointment_id": row.id,
        }
        for at in rules.grid(row.starts_at, row.ends_at)
    ]
    statement = insert_into(connection.dialect.name, TakenTime.__table__).values(rows)
    if connection.execute(statement.on_conflict_do_nothing()).rowcount == len(rows):
        return True
    free(unit, row)
    return False


def _local_day(schedule: Any, at: datetime.datetime) -> datetime.date:
    return at.astimezone(ZoneInfo(schedule.time_zone)).date()
