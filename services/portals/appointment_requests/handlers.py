"""Commands on requests for appointments, each one transaction. Staff work on them in the portal queue, too."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from services.chassis import wire
from services.chassis.database import hold_counter
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused, invalid
from services.contracts.portals import appointment_requests as contract
from services.contracts.portals.appointments import BY_REQUEST
from services.contracts.portals.message_types import APPOINTMENT
from services.portals.appointment_requests import queries, rules
from services.portals.appointment_requests.models import AppointmentRequest
from services.portals.appointments import queries as appointments
from services.portals.appointments.handlers import booked_by_staff
from services.portals.my_appointments import access
from services.portals.my_appointments import queries as my_appointments
from services.portals.my_appointments.rules import days_of, require_requests
from services.portals.people.asking import Addressee
from services.portals.portal_queue.items import add_item, end_item_of

_REFERENCE = "appointment_request"


@dataclass(frozen=True)
class Wishes:
    """What suits the person."""

    earliest_on: datetime.date | None
    latest_on: datetime.date | None
    parts_of_day: list[str]
    note: str | None


def request_my_appointment(
    unit: UnitOfWork,
    caller: Caller,
    person: Addressee,
    *,
    portal: str | None,
    type_id: str,
    earliest_on: datetime.date | None,
    latest_on: datetime.date | None,
    parts_of_day: list[str],
    note: str | None,
) -> dict[str, Any]:
    """Ask for an appointment. Raises Refused `not_found`, `scheduling_not_offered`, `message_type_not_offered`."""
    suffix, options = access.options_of(unit.session, caller, portal)
    require_requests(options)
    kind = my_appointments.offered_type(unit.session, caller, options, type_id)
    wishes = Wishes(earliest_on, latest_on, parts_of_day, note)
    lead_days, days_ahead = days_of(options, kind)
    # A day on which every time is too soon is no day to ask for.
    soonest = appointments.today(unit.session, at=unit.now + datetime.timedelta(minutes=options.stop_minutes))
    _require_days(unit, wishes, lead_days, days_ahead, soonest)
    return _asked(unit, caller, person, suffix, kind, wishes, is_by_supervisor=False)


def request_employee_appointment(
    unit: UnitOfWork,
    caller: Caller,
    person: Addressee,
    *,
    portal: str | None,
    type_id: str,
    earliest_on: datetime.date | None,
    latest_on: datetime.date | None,
    parts_of_day: list[str],
    note: str | None,
) -> dict[str, Any]:
    """Ask for an appointment of a supervised employee. Raises Refused as `request_my_appointment`."""
    suffix, _ = queries.supervisor_portal(unit.session, caller, portal)
    for kind in queries.supervised_types(unit.session):
        if kind.id == type_id:
            wishes = Wishes(earliest_on, latest_on, parts_of_day, note)
            _require_days(unit, wishes, kind.lead_days, kind.days_ahead)
            return _asked(unit, caller, person, suffix, kind, wishes, is_by_supervisor=True)
    raise Refused("not_found", "There is no such type of appointments.", "type_id")


def withdraw_my_appointment_request(unit: UnitOfWork, caller: Caller, *, request_id: str) -> dict[str, Any]:
    """Take back a request. Raises Refused `not_found`, `appointment_request_closed`."""
    row = queries.found(unit.session, request_id, for_change=True)
    try:
        access.person_booked_for(caller, row.person_id)
    except Refused:
        raise Refused("not_found", "There is no such request.", "request_id") from None
    _require_open(unit, row)
    _close(unit, row, rules.WITHDRAWN)
    return queries.view(unit.session, row)


def book_requested_appointment(
    unit: UnitOfWork, *, request_id: str, schedule_id: str, starts_at: datetime.datetime
) -> dict[str, Any]:
    """Book what staff have found for a request. Raises Refused `not_found`, `slot_taken`, `appointment_request_closed`."""
    row = queries.found(unit.session, request_id, for_change=True)
    _require_open(unit, row)
    booked = booked_by_staff(
        unit, row.person_id, row.type_id, schedule_id, starts_at, account_id=row.account_id, source=BY_REQUEST
    )
    row.appointment_id = booked.id
    _close(unit, row, rules.BOOKED)
    return appointments.view(unit.session, booked)


def decline_appointment_request(unit: UnitOfWork, *, request_id: str, answer: str) -> dict[str, Any]:
    """Answer a request without an appointment. Raises Refused `not_found`, `appointment_request_closed`."""
    row = queries.found(unit.session, request_id, for_change=True)
    _require_open(unit, row)
    row.answer = answer
    _close(unit, row, rules.DECLINED)
    unit.publish(contract.appointment_request_declined, row.id, _told(row))
    return queries.view(unit.session, row)


def _asked(
    unit: UnitOfWork,
    caller: Caller,
    person: Addressee,
    portal: str,
    kind: Any,
    wishes: Wishes,
    *,
    is_by_supervisor: bool,
) -> dict[str, Any]:
    _require_offered(unit, caller, portal)
    hold_counter(unit.session, "open_appointment_requests", person.person_id)
    rules.require_room(_open_requests(unit, person.person_id))
    row = AppointmentRequest(
        id=wire.new_id(), version=1, person_id=person.person_id, first_person_id=person.person_id,
        account_id=caller.id, is_by_supervisor=is_by_supervisor, portal=portal, type_id=kind.id,
        earliest_on=wishes.earliest_on, latest_on=wishes.latest_on, parts_of_day=wishes.parts_of_day,
        note=wishes.note, state=rules.OPEN, is_open=True, asked_at=unit.now, closed_at=None, answer=None,
        appointment_id=None,
    )  # fmt: skip
    unit.add(row)
    text = rules.words(kind.name, wishes.earliest_on, wishes.latest_on, wishes.parts_of_day, wishes.note)
    reference = (_REFERENCE, row.id)
    add_item(unit, person, APPOINTMENT, text, account_id=caller.id, portal=portal, reference=reference)
    unit.audit("appointment.requested", "appointment_request", row.id, person_id=row.person_id)
    unit.publish(contract.appointment_requested, row.id, _told(row))
    return queries.view(unit.session, row)


def _require_days(
    unit: UnitOfWork,
    wishes: Wishes,
    lead_days: int,
    days_ahead: int | None,
    soonest: datetime.date = datetime.date.min,
) -> None:
    """Raise Refused `invalid_request` for days on which nothing can be asked for."""
    today = appointments.today(unit.session)
    first_on = max(today + datetime.timedelta(days=lead_days), soonest)
    last_on = None if days_ahead is None else today + datetime.timedelta(days=days_ahead)
    if problems := list(rules.problems(wishes.earliest_on, wishes.latest_on, today, first_on, last_on)):
        raise invalid(problems)


def _require_offered(unit: UnitOfWork, caller: Caller, portal: str) -> None:
    """Raise Refused `message_type_not_offered` unless the portal's people may send this type of message (S2-68)."""
    if not access.may_be_asked(unit.session, caller, portal):
        raise Refused(
            "message_type_not_offered", "Appointments cannot be asked for here at the moment. Call us."
        )


def _require_open(unit: UnitOfWork, row: AppointmentRequest) -> None:
    unit.require_version(row)
    rules.require_open(row.is_open)


def _close(unit: UnitOfWork, row: AppointmentRequest, state: str) -> None:
    row.state, row.is_open, row.closed_at = state, False, unit.now
    row.version += 1
    outcome = "completed" if state == rules.BOOKED else "not_completed"
    end_item_of(unit, _REFERENCE, row.id, outcome)
    unit.audit(f"appointment_request.{state}", "appointment_request", row.id, person_id=row.person_id)


def _told(row: AppointmentRequest) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("person_id", "account_id", "version")}


def _open_requests(unit: UnitOfWork, person_id: str) -> int:
    statement = (
        select(func.count())
        .select_from(AppointmentRequest)
        .where(AppointmentRequest.person_id == person_id, AppointmentRequest.is_open)
    )
    return unit.session.scalar(statement) or 0
