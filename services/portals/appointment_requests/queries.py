"""Queries of requests for appointments."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.portals.appointments import BOOKED
from services.portals.appointment_requests import rules
from services.portals.appointment_requests.models import AppointmentRequest
from services.portals.appointments.models import Appointment
from services.portals.appointments.queries import names_of, staff_finder
from services.portals.configuration import queries as configuration
from services.portals.definitions import queries as definitions
from services.portals.definitions.supervised import require_supervised
from services.portals.my_appointments import access
from services.portals.schedules import queries as schedules
from services.portals.schedules.models import AppointmentType

SUPERVISOR_MODULE = "supervisor_scheduling"
_MINE, _OPEN, _CLOSED = "my_appointment_requests", "open_appointment_requests", "closed_appointment_requests"
_MOST_COMING = 50
_SHOWN = (
    "id", "version", "person_id", "type_id", "earliest_on", "latest_on", "parts_of_day", "note", "state", "asked_at",
    "closed_at", "answer", "appointment_id", "is_open", "portal", "account_id", "is_by_supervisor",
)  # fmt: skip


def found(session: Session, request_id: str, *, for_change: bool = False) -> AppointmentRequest:
    """A request. Raises Refused `not_found`."""
    statement = select(AppointmentRequest).where(AppointmentRequest.id == request_id)
    row = session.scalars(statement.with_for_update() if for_change else statement).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no such request.", "request_id")
    return row


def list_my_appointment_requests(
    session: Session,
    caller: Caller,
    *,
    person_id: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """A page of what was asked for a person, newest first. Raises Refused `not_found`."""
    person = access.person_seen(caller, person_id)
    statement = select(AppointmentRequest).where(AppointmentRequest.person_id == person)
    return _page(session, statement, _MINE, after, limit, is_newest_first=True)


def list_appointment_requests(
    session: Session, _caller: Caller, *, is_open: bool, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of open requests, the oldest first; or of answered ones, the newest first."""
    statement = select(AppointmentRequest).where(AppointmentRequest.is_open.is_(is_open))
    order = _OPEN if is_open else _CLOSED
    return _page(session, statement, order, after, limit, is_newest_first=not is_open)


def get_appointment_request(session: Session, _caller: Caller, *, request_id: str) -> dict[str, Any]:
    """One request. Raises Refused `not_found`."""
    return view(session, found(session, request_id))


def list_requested_times(
    session: Session, _caller: Caller, *, request_id: str, from_on: datetime.date | None, is_wished: bool
) -> dict[str, Any]:
    """The next days with free times that suit a request, or with any. Raises Refused `not_found`."""
    row = found(session, request_id)
    finder = staff_finder(session, schedules.find_type(session, row.type_id), None)
    if not is_wished:
        return finder.next_days(from_on)
    first = max(filter(None, (from_on, row.earliest_on)), default=None)
    suits = functools.partial(rules.suits, row.parts_of_day)
    return finder.next_days(first, row.latest_on, suits)


def get_employee_scheduling(
    session: Session, caller: Caller, *, portal: str | None, person_id: str
) -> dict[str, Any]:
    """What is coming for an employee, and what may be asked for. Raises Refused `not_found`, `scheduling_not_offered`."""
    require_supervised(session, caller, person_id)
    suffix, name = supervisor_portal(session, caller, portal)
    kinds = supervised_types(session)
    asked = select(AppointmentRequest).where(
        AppointmentRequest.person_id == person_id, AppointmentRequest.account_id == caller.id
    )
    return {
        "person_id": person_id,
        "portal": suffix,
        "module_name": name,
        "types": kinds,
        "appointments": _coming(session, person_id, {each.id: each.name for each in kinds}),
        "requests": _page(session, asked, _MINE, None, _MOST_COMING, is_newest_first=True)["items"],
    }


def supervisor_portal(session: Session, caller: Caller, portal: str | None) -> tuple[str, str]:
    """A portal with Supervisor Scheduling that admits the caller, and what that is called there (S2-91).

    Raises Refused `not_found`, `scheduling_not_offered`.
    """
    if portal is not None:
        suffixes = [definitions.admitted(session, caller, portal).portal]
    else:
        suffixes = definitions.admitting(session, caller)
    for suffix in suffixes:
        name = configuration.module_name(session, caller, suffix, SUPERVISOR_MODULE)
        if name is not None:
            return suffix, name
    raise Refused("scheduling_not_offered", "Your portal does not ask for appointments of employees.")


def supervised_types(session: Session) -> list[AppointmentType]:
    """The types that supervisors may know of."""
    return [
        each
        for each in schedules.active_types(session)
        if each.is_shown_to_supervisors and "employee" in each.realms
    ]


def view(session: Session, row: AppointmentRequest) -> dict[str, Any]:
    """A request as the contract's StaffRequest."""
    return views(session, [row])[0]


def views(session: Session, rows: Sequence[AppointmentRequest]) -> list[dict[str, Any]]:
    """Requests as the contract's StaffRequest. The names of people are identity's: the entrypoint adds them."""
    names = names_of(session, AppointmentType, {row.type_id for row in rows})
    return [
        {
            **{name: getattr(row, name) for name in _SHOWN},
            "type_name": names[row.type_id],
            "person_name": None,
        }
        for row in rows
    ]


def _coming(session: Session, person_id: str, names: dict[str, str]) -> list[dict[str, Any]]:
    """The coming appointments of an employee. Of types that are none of a supervisor's business there is no name."""
    statement = select(Appointment).where(
        Appointment.person_id == person_id, Appointment.state == BOOKED, Appointment.ends_at > utc_now()
    )
    rows = session.scalars(statement.order_by(Appointment.starts_at).limit(_MOST_COMING))
    shown = ("starts_at", "ends_at", "on", "place", "time_zone", "state")
    return [
        {**{name: getattr(row, name) for name in shown}, "type_name": names.get(row.type_id)} for row in rows
    ]


def _page(
    session: Session, statement: Any, order: str, after: str | None, limit: int, *, is_newest_first: bool
) -> dict[str, Any]:
    at, last = AppointmentRequest.asked_at, AppointmentRequest.id
    if after is not None:
        place = tuple_(*read_cursor(after, order, datetime.datetime, str))
        statement = statement.where(tuple_(at, last) < place if is_newest_first else tuple_(at, last) > place)
    ordered = statement.order_by(at.desc(), last.desc()) if is_newest_first else statement.order_by(at, last)
    rows = list(session.scalars(ordered.limit(limit + 1)))
    page = rows[:limit]
    is_last = len(rows) <= limit
    return {
        "items": views(session, page),
        "next": None if is_last else cursor_of(order, page[-1].asked_at, page[-1].id),
    }
