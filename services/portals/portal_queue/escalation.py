"""Tells one after another of what nobody has answered in its time: who has it, who stands in, the department's supervisor.

It tells, and nothing else: no item is ever closed or given to somebody else by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.portals import portal_queue as contract
from services.portals.absences.rules import stand_in
from services.portals.definitions.models import OrganisationKey
from services.portals.portal_queue import holders, items, queries, rules
from services.portals.portal_queue.models import QueueEscalation, QueueItem
from services.portals.staff_groups import queries as staff_groups
from services.portals.staff_groups.models import StaffGroup

EVERY_S = 30.0
_MOST_ORGANISATIONS, _MOST_ITEMS = 100, 50  # at once


def tell_due(runtime: Runtime) -> bool:
    """Tell of all that is due, organisation by organisation. Returns False when more may be due."""
    with runtime.database.reading(None) as session:
        due = session.execute(
            select(OrganisationKey.organisation_id, OrganisationKey.key)
            .where(
                OrganisationKey.organisation_id.in_(
                    select(QueueItem.organisation_id).where(QueueItem.escalates_at <= utc_now())
                )
            )
            .limit(_MOST_ORGANISATIONS)
        ).all()
    is_done = len(due) < _MOST_ORGANISATIONS
    for organisation in due:
        is_done = transact_as(runtime, itself(runtime, *organisation), _tell_of_organisation) and is_done
    return is_done


def _tell_of_organisation(unit: UnitOfWork) -> bool:
    """Tell of the items that are due the longest. Returns False when more may be due."""
    due = (
        select(QueueItem)
        .where(QueueItem.escalates_at <= unit.now)
        .order_by(QueueItem.escalates_at)
        .limit(_MOST_ITEMS)
        .with_for_update(skip_locked=True)  # who holds one is about to answer it
    )
    found = list(unit.session.scalars(due))
    if found:
        away, groups = holders.away_today(unit), staff_groups.all_groups(unit.session)
        settings = queries.settings_of(unit.session)
        for item in found:
            _tell(unit, item, staff_groups.named(groups, item.department), away, settings)
    return len(found) < _MOST_ITEMS


def _tell(
    unit: UnitOfWork,
    item: QueueItem,
    group: StaffGroup | None,
    away: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> None:
    """Tell the next who are to be told of an item, and say when it is the turn of those behind them."""
    supervisor_id = group.supervisor_id if group else None
    members = group.member_ids if group else []
    chain = rules.chain(item.assigned_to, members, supervisor_id, lambda each: stand_in(each, away))
    following = rules.following(chain, item.escalated_to)
    if not following:
        item.escalates_at = None
        return
    level, account_ids = following[0]
    unit.add(
        QueueEscalation(id=wire.new_id(), item_id=item.id, at=unit.now, level=level, account_ids=account_ids)
    )
    unit.audit("queue_item.escalated", "queue_item", item.id, person_id=item.known_person_id, level=level)
    facts = {"level": level, "account_ids": account_ids, "due_at": item.due_at}
    unit.publish(contract.item_escalated, item.id, items.told(item) | facts)
    item.escalated_to, item.escalates_at = level, None
    if len(following) > 1:
        days = queries.working_days_of(settings)
        item.escalates_at = days.after(unit.now, settings["escalation_hours"])
