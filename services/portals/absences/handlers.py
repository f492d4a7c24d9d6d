"""Commands on absences, each one transaction."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from services.chassis.database import held_or_made
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import invalid
from services.portals.absences import queries, rules
from services.portals.absences.models import Absence

_ZONES_BEHIND = datetime.timedelta(hours=12)  # where it is still yesterday


def set_my_absence(
    unit: UnitOfWork,
    caller: Caller,
    *,
    from_on: datetime.date,
    until_on: datetime.date,
    text: str | None,
    surrogate_id: str | None,
) -> dict[str, Any]:
    """Be away. Whoever calls has asked whether the surrogate works on the queue. Raises Refused `invalid_request`."""
    today = (unit.now - _ZONES_BEHIND).date()
    if found := list(rules.problems(caller.id, from_on, until_on, surrogate_id, today)):
        raise invalid(found)
    return _changed(unit, caller, from_on=from_on, until_on=until_on, text=text, surrogate_id=surrogate_id)


def end_my_absence(unit: UnitOfWork, caller: Caller) -> dict[str, Any]:
    """Be there again."""
    return _changed(unit, caller, from_on=None, until_on=None, text=None, surrogate_id=None)


def stand_in_no_more(unit: UnitOfWork, data: Mapping[str, Any]) -> None:
    """Let an account that was disabled stand in for nobody: new items would go to where no one reads them."""
    rows = select(Absence).where(Absence.surrogate_id == data["account_id"]).with_for_update()
    for row in unit.session.scalars(rows):
        row.surrogate_id = None
        row.version += 1
        unit.audit("absence.changed", "account", row.account_id, version=row.version)


def _changed(unit: UnitOfWork, caller: Caller, **members: Any) -> dict[str, Any]:
    fresh = {"organisation_id": unit.organisation_id, "version": rules.DEFAULT_VERSION}
    row = held_or_made(unit.session, Absence, {"account_id": caller.id}, fresh)
    unit.require_version(row)
    for name, value in members.items():
        setattr(row, name, value)
    row.version += 1
    unit.audit("absence.changed", "account", caller.id, version=row.version)
    unit.session.flush()
    return queries.get_my_absence(unit.session, caller)
