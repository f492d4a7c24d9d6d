"""Changes of a person's record that items of the queue ask for: how far each is, and telling the person what became of it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.portals.own_changes import MESSAGE_TYPE, own_change_answered
from services.portals.portal_queue import rules
from services.portals.portal_queue.models import OwnChange, QueueItem


def changes_of(session: Session, items: Iterable[QueueItem]) -> dict[str, OwnChange]:
    """The changes that some of these items ask for, by the item's id. Items of other types cost no statement."""
    item_ids = [each.id for each in items if each.type == MESSAGE_TYPE]
    if not item_ids:
        return {}
    found = session.scalars(select(OwnChange).where(OwnChange.item_id.in_(item_ids)))
    return {each.item_id: each for each in found}


def change_of(session: Session, item: QueueItem) -> OwnChange | None:
    """The change that an item asks for, None for every other item."""
    return changes_of(session, [item]).get(item.id)


def tell_answered(unit: UnitOfWork, item: QueueItem, change: OwnChange) -> None:
    """Tell whoever has asked for a change that there is an answer: its item was dismissed."""
    facts = {
        "item_id": item.id,
        "thread_id": item.thread_id,
        "portal": item.portal,
        "person_id": item.person_id,
        "account_id": item.account_id,
        "outcome": rules.outcome_of_change(change.accepted_at, item.state),
    }
    unit.publish(own_change_answered, item.id, facts)
