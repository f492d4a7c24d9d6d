"""Commands on types, providers and schedules, each one transaction."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypedDict, Unpack

from sqlalchemy import func, select

from services.chassis import wire
from services.chassis.database import insert_unless_there
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused, invalid
from services.portals.schedules import queries, rules
from services.portals.schedules.models import AppointmentProvider, AppointmentType, Schedule
from services.portals.working_days.holidays_of_regions import is_region


class TypeMembers(TypedDict):
    """The members of a type that staff write."""

    name: str
    minutes: int
    realms: list[str]
    is_shown_to_supervisors: bool
    preparation: str | None
    changes_until_hours: int
    lead_days: int
    days_ahead: int | None
    is_active: bool


class ScheduleMembers(TypedDict):
    """The members of a schedule that staff write."""

    place: str
    time_zone: str
    hours: list[Mapping[str, Any]]
    exceptions: list[Mapping[str, Any]]
    holidays: str | None
    from_on: datetime.date | None
    until_on: datetime.date | None


def create_appointment_type(
    unit: UnitOfWork, *, code: str, **members: Unpack[TypeMembers]
) -> AppointmentType:
    """Add a type. Raises Refused `appointment_type_taken`."""
    _require_days(members)
    fresh = {
        "id": wire.new_id(),
        "organisation_id": unit.organisation_id,
        "version": 1,
        "code": code,
        "created_at": unit.now,
        **members,
    }
    if not insert_unless_there(unit.session, AppointmentType.__table__, fresh):
        raise Refused("appointment_type_taken", "There is a type with this code. Take another code.", "code")
    unit.audit("appointment_type.created", "appointment_type", str(fresh["id"]), code=code)
    return queries.find_type(unit.session, str(fresh["id"]))


def change_appointment_type(
    unit: UnitOfWork, *, type_id: str, **members: Unpack[TypeMembers]
) -> AppointmentType:
    """Change a type as a whole. Raises Refused `not_found`."""
    _require_days(members)
    row = queries.find_type(unit.session, type_id, for_change=True)
    _change(unit, row, members)
    unit.audit("appointment_type.changed", "appointment_type", row.id, is_active=row.is_active)
    return row


def create_appointment_provider(
    unit: UnitOfWork, *, name: str, type_ids: list[str], is_active: bool
) -> AppointmentProvider:
    """Add a provider. Raises Refused `not_found` for a type that is not there."""
    row = AppointmentProvider(
        id=wire.new_id(),
        version=1,
        name=name,
        type_ids=_known(unit, type_ids),
        is_active=is_active,
        created_at=unit.now,
    )
    unit.add(row)
    unit.audit("appointment_provider.created", "appointment_provider", row.id)
    return row


def change_appointment_provider(
    unit: UnitOfWork, *, provider_id: str, name: str, type_ids: list[str], is_active: bool
) -> AppointmentProvider:
    """Change a provider as a whole. Raises Refused `not_found`."""
    row = queries.find_provider(unit.session, provider_id, for_change=True)
    _change(unit, row, {"name": name, "type_ids": _known(unit, type_ids), "is_active": is_active})
    unit.audit("appointment_provider.changed", "appointment_provider", row.id, is_active=is_active)
    return row


def create_schedule(
    unit: UnitOfWork, *, provider_id: str, **members: Unpack[ScheduleMembers]
) -> dict[str, Any]:
    """Add a schedule of a provider. Raises Refused `not_found`, `conflict` where there are too many."""
    queries.find_provider(unit.session, provider_id, for_change=True)
    statement = select(func.count()).select_from(Schedule).where(Schedule.provider_id == provider_id)
    if (unit.session.scalar(statement) or 0) >= rules.MOST_SCHEDULES:
        raise Refused("conflict", "This provider has 20 schedules. Change one of them.", "provider_id")
    row = Schedule(
        id=wire.new_id(), version=1, provider_id=provider_id, created_at=unit.now, **_checked(members)
    )
    unit.add(row)
    unit.audit("schedule.created", "schedule", row.id, provider_id=provider_id)
    return queries.view(row)


def change_schedule(
    unit: UnitOfWork, *, schedule_id: str, **members: Unpack[ScheduleMembers]
) -> dict[str, Any]:
    """Change a schedule as a whole. Raises Refused `not_found`."""
    row = queries.find_schedule(unit.session, schedule_id, for_change=True)
    _change(unit, row, _checked(members))
    unit.audit("schedule.changed", "schedule", row.id, provider_id=row.provider_id)
    return queries.view(row)


def _change(unit: UnitOfWork, row: Any, members: Mapping[str, Any]) -> None:
    unit.require_version(row)
    for name, value in members.items():
        setattr(row, name, value)
    row.version += 1


def _known(unit: UnitOfWork, type_ids: list[str]) -> list[str]:
    return [queries.find_type(unit.session, each).id for each in dict.fromkeys(type_ids)]


def _require_days(members: TypeMembers) -> None:
    """Raise Refused `invalid_request` where no day would be left on which a type can be booked."""
    if members["days_ahead"] is not None and members["lead_days"] > members["days_ahead"]:
        raise invalid([("lead_days", "No day would be left: fewer days than those ahead are expected.")])


def _checked(members: ScheduleMembers) -> dict[str, Any]:
    """The members of a schedule as they are stored. Raises Refused `invalid_request` with every problem."""
    problems = list(
        rules.schedule_problems(
            members["hours"], members["exceptions"], members["from_on"], members["until_on"]
        )
    )
    if members["holidays"] is not None and not is_region(members["holidays"]):
        rule = "A country such as US or DE, or a part of one such as US-CA, is expected."
        problems.append(("holidays", rule))
    if problems:
        raise invalid(problems)
    return {
        **members,
        "hours": [_as_json(each) for each in members["hours"]],
        "exceptions": [_as_json(each) for each in members["exceptions"]],
    }


def _as_json(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime.date) else value
        for name, value in entry.items()
    }
