"""Who has an item, and who stands in for those who are away."""

from __future__ import annotations

from services.chassis.unit_of_work import UnitOfWork
from services.portals.absences import queries as absences
from services.portals.absences.models import Absence
from services.portals.absences.rules import first_back, stand_in
from services.portals.portal_queue import queries
from services.portals.portal_queue.models import QueueItem
from services.portals.staff_groups import queries as staff_groups


def away_today(unit: UnitOfWork) -> dict[str, Absence]:
    """The absences of today, by account."""
    days = queries.working_days_of(queries.settings_of(unit.session))
    return absences.away_on(unit.session, days.today(unit.now))


def present(unit: UnitOfWork, account_id: str) -> str | None:
    """This account, or who stands in for it today; None where nobody is there."""
    return stand_in(account_id, away_today(unit))


def substitute(unit: UnitOfWork, item: QueueItem) -> str | None:
    """Who stands in where all who have an item are away today; None where one of them is there, or nobody stands in.

    An item is its account's, and one that nobody has taken that of its department's group.
    """
    away = away_today(unit)
    if not away:
        return None
    group = staff_groups.of_department(unit.session, item.department)
    of_group = group.member_ids if group else []
    first = first_back([item.assigned_to] if item.assigned_to else of_group, away)
    return first and stand_in(first.account_id, away)
