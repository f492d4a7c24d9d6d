"""Queries of groups of staff."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.spelling import search_key
from services.portals.staff_groups.models import StaffGroup


def list_staff_groups(session: Session, _caller: Caller) -> dict[str, Any]:
    """All groups, by name."""
    return {"items": [view(each) for each in all_groups(session)]}


def get_staff_group(session: Session, _caller: Caller, *, staff_group_id: str) -> dict[str, Any]:
    """One group. Raises Refused `not_found`."""
    return view(found(session, staff_group_id))


def all_groups(session: Session) -> list[StaffGroup]:
    """All groups, by name."""
    return list(session.scalars(select(StaffGroup).order_by(StaffGroup.name_key)))


def of_department(session: Session, department: str) -> StaffGroup | None:
    """The group whose name a department has, None where there is none."""
    wanted = select(StaffGroup).where(StaffGroup.name_key == search_key(department))
    return session.scalars(wanted).one_or_none()


def named(groups: Iterable[StaffGroup], department: str) -> StaffGroup | None:
    """As `of_department`, among groups that were read already."""
    key = search_key(department)
    return next((each for each in groups if each.name_key == key), None)


def found(
    session: Session, staff_group_id: str, field: str = "staff_group_id", *, for_change: bool = False
) -> StaffGroup:
    """A group. Raises Refused `not_found`."""
    statement = select(StaffGroup).where(StaffGroup.id == staff_group_id)
    row = session.scalars(statement.with_for_update() if for_change else statement).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no such group of staff any more.", field)
    return row


def view(group: StaffGroup) -> dict[str, Any]:
    """A group as the contract's StaffGroup, without names of accounts."""
    shown = {
        name: getattr(group, name) for name in ("id", "version", "name", "supervisor_id", "service_hours")
    }
    return shown | {"members": [{"account_id": each} for each in group.member_ids]}
