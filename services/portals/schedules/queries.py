"""Queries of schedules."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.portals.schedules.models import AppointmentProvider, AppointmentType, Schedule

Row = TypeVar("Row", AppointmentType, AppointmentProvider, Schedule)
MOST_PROVIDERS = 200


def find_type(session: Session, type_id: str, *, for_change: bool = False) -> AppointmentType:
    """A type of appointments. Raises Refused `not_found`."""
    return _found(
        session, AppointmentType, type_id, "type_id", "There is no such type of appointments.", for_change
    )


def find_provider(session: Session, provider_id: str, *, for_change: bool = False) -> AppointmentProvider:
    """A provider. Raises Refused `not_found`."""
    return _found(
        session, AppointmentProvider, provider_id, "provider_id", "There is no such provider.", for_change
    )


def find_schedule(session: Session, schedule_id: str, *, for_change: bool = False) -> Schedule:
    """A schedule. Raises Refused `not_found`."""
    return _found(session, Schedule, schedule_id, "schedule_id", "There is no such schedule.", for_change)


def get_appointment_type(session: Session, _caller: Caller, *, type_id: str) -> AppointmentType:
    """A type of appointments. Raises Refused `not_found`."""
    return find_type(session, type_id)


def get_appointment_provider(session: Session, _caller: Caller, *, provider_id: str) -> AppointmentProvider:
    """A provider. Raises Refused `not_found`."""
    return find_provider(session, provider_id)


def get_schedule(session: Session, _caller: Caller, *, schedule_id: str) -> dict[str, Any]:
    """A schedule. Raises Refused `not_found`."""
    return view(find_schedule(session, schedule_id))


def list_appointment_types(
    session: Session, _caller: Caller, *, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of types, the oldest first."""
    return _page(session, AppointmentType, "appointment_types", after, limit)


def list_appointment_providers(
    session: Session, _caller: Caller, *, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of providers, the oldest first."""
    return _page(session, AppointmentProvider, "appointment_providers", after, limit)


def list_schedules(session: Session, _caller: Caller, *, provider_id: str) -> dict[str, Any]:
    """All schedules of a provider. Raises Refused `not_found`."""
    find_provider(session, provider_id)
    return {"items": [view(each) for each in schedules_of(session, [provider_id])]}


def schedules_of(session: Session, provider_ids: list[str]) -> list[Schedule]:
    """The schedules of these providers, the oldest first."""
    statement = select(Schedule).where(Schedule.provider_id.in_(provider_ids))
    return list(session.scalars(statement.order_by(Schedule.created_at, Schedule.id)))


def view(row: Schedule) -> dict[str, Any]:
    """A schedule as the contract's Schedule, with its days read from the stored texts."""
    plain = ("id", "version", "provider_id", "place", "time_zone", "holidays", "from_on", "until_on")
    return {
        **{name: getattr(row, name) for name in plain},
        "hours": [_with_days(each) for each in row.hours],
        "exceptions": [_with_days(each) for each in row.exceptions],
    }


def _with_days(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.date.fromisoformat(value) if name.endswith("_on") and value else value
        for name, value in entry.items()
    }


def active_providers(session: Session) -> list[AppointmentProvider]:
    """The providers that people can have appointments with, by name."""
    statement = select(AppointmentProvider).where(AppointmentProvider.is_active)
    ordered = statement.order_by(AppointmentProvider.name, AppointmentProvider.id)
    return list(session.scalars(ordered.limit(MOST_PROVIDERS)))


def providers_that_take(session: Session, type_id: str) -> list[AppointmentProvider]:
    """The active providers that take a type of appointments, by name."""
    return [each for each in active_providers(session) if type_id in each.type_ids]


def active_types(session: Session) -> list[AppointmentType]:
    """The types that are offered, by name."""
    statement = select(AppointmentType).where(AppointmentType.is_active)
    return list(session.scalars(statement.order_by(AppointmentType.name, AppointmentType.id).limit(200)))


def _found(session: Session, model: type[Row], row_id: str, field: str, detail: str, for_change: bool) -> Row:
    statement = select(model).filter_by(id=row_id)
    row = session.scalars(statement.with_for_update() if for_change else statement).one_or_none()
    if row is None:
        raise Refused("not_found", detail, field)
    return row


def _page(session: Session, model: Any, order: str, after: str | None, limit: int) -> dict[str, Any]:
    statement = select(model)
    if after is not None:
        place = read_cursor(after, order, datetime.datetime, str)
        statement = statement.where(tuple_(model.created_at, model.id) > tuple_(*place))
    rows = list(session.scalars(statement.order_by(model.created_at, model.id).limit(limit + 1)))
    page = rows[:limit]
    is_last = len(rows) <= limit
    return {"items": page, "next": None if is_last else cursor_of(order, page[-1].created_at, page[-1].id)}
