"""A person confirms the time of an appointment: signed in, or by the link of a mail."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.portals import appointments as contract
from services.portals.appointments import booking
from services.portals.appointments.models import Appointment
from services.portals.appointments.rules import can_be_confirmed, require_booked, state_of_time
from services.portals.my_appointments import queries

_SHOWN = ("id", "version", "person_id", "starts_at", "on", "place", "time_zone")


def get_appointment_to_confirm(session: Session, caller: Caller, *, appointment_id: str) -> dict[str, Any]:
    """When and where an appointment is. Raises Refused `not_found`, `link_refused`."""
    row = queries.found(session, caller, appointment_id)
    caller.require_state(state_of_time(row.version, row.confirmed_at))
    return _view(row)


def confirm_my_appointment(unit: UnitOfWork, caller: Caller, *, appointment_id: str) -> dict[str, Any]:
    """Confirm the time. Raises Refused `not_found`, `appointment_closed`, `conflict`, `link_refused`.

    The version stays: reminders and calendar entries of this version remain right.
    """
    row = queries.found(unit.session, caller, appointment_id, for_change=True)
    caller.require_state(state_of_time(row.version, row.confirmed_at))
    unit.require_version(row)
    require_booked(row.state)
    if row.confirmed_at is not None:
        raise Refused("conflict", "This appointment is confirmed already.", "appointment_id")
    if not can_be_confirmed(row.state, row.starts_at, row.confirmed_at, unit.now):
        raise Refused("appointment_closed", "This appointment has begun. There is nothing to confirm.")
    row.confirmed_at = unit.now
    booking.tell(unit, contract.appointment_confirmed, row)
    return _view(row)


def _view(row: Appointment) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _SHOWN} | {
        "is_confirmed": row.confirmed_at is not None,
        "can_be_confirmed": can_be_confirmed(row.state, row.starts_at, row.confirmed_at, utc_now()),
    }
