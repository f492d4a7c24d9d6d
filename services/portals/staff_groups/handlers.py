"""Commands on groups of staff, each one transaction."""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

from sqlalchemy import func, select

from services.chassis import wire
from services.chassis.database import hold_counter, insert_unless_there
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.portals.staff_groups import MOST_GROUPS
from services.contracts.spelling import search_key
from services.portals.staff_groups import queries
from services.portals.staff_groups.models import StaffGroup


class Members(TypedDict):
    """What is set of a group. Whoever calls has asked whether the accounts work on the queue."""

    name: str
    member_ids: list[str]
    supervisor_id: str | None
    service_hours: int | None


def create_staff_group(unit: UnitOfWork, **members: Unpack[Members]) -> dict[str, Any]:
    """Add a group. Raises Refused `staff_group_taken`, `conflict` where there are too many."""
    _hold(unit)
    if (unit.session.scalar(select(func.count()).select_from(StaffGroup)) or 0) >= MOST_GROUPS:
        raise Refused("conflict", f"There are {MOST_GROUPS} groups. Take one away first.", "name")
    values = {
        **members,
        "id": wire.new_id(),
        "organisation_id": unit.organisation_id,
        "version": 1,
        "name_key": search_key(members["name"]),
        "member_ids": list(dict.fromkeys(members["member_ids"])),
    }
    if not insert_unless_there(unit.session, StaffGroup.__table__, values):
        raise _taken()
    unit.audit("staff_group.created", "staff_group", str(values["id"]))
    return queries.view(queries.found(unit.session, str(values["id"])))


def change_staff_group(
    unit: UnitOfWork, *, staff_group_id: str, **members: Unpack[Members]
) -> dict[str, Any]:
    """Change a group as a whole. Raises Refused `not_found`, `staff_group_taken`."""
    _hold(unit)
    row = queries.found(unit.session, staff_group_id, for_change=True)
    unit.require_version(row)
    same = queries.of_department(unit.session, members["name"])
    if same is not None and same.id != row.id:
        raise _taken()
    row.name, row.name_key = members["name"], search_key(members["name"])
    row.member_ids = list(dict.fromkeys(members["member_ids"]))
    row.supervisor_id, row.service_hours = members["supervisor_id"], members["service_hours"]
    row.version += 1
    unit.audit("staff_group.changed", "staff_group", row.id, version=row.version)
    return queries.view(row)


def remove_staff_group(unit: UnitOfWork, *, staff_group_id: str) -> dict[str, str]:
    """Take a group away. Raises Refused `not_found`."""
    row = queries.found(unit.session, staff_group_id, for_change=True)
    unit.require_version(row)
    unit.session.delete(row)
    unit.audit("staff_group.removed", "staff_group", row.id)
    return {"staff_group_id": staff_group_id}


def _hold(unit: UnitOfWork) -> None:
    """Names are unique and their number is limited, so those who write them take turns."""
    hold_counter(unit.session, "staff_groups", str(unit.organisation_id))


def _taken() -> Refused:
    return Refused("staff_group_taken", "There is a group of this name. Choose another name.", "name")
