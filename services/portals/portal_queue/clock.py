"""When an item is due, and from when on others are told that it waits, within somebody else's transaction."""

from __future__ import annotations

import datetime

from services.chassis.unit_of_work import UnitOfWork
from services.portals.message_types import queries as message_types
from services.portals.portal_queue import queries
from services.portals.portal_queue.models import QueueItem
from services.portals.staff_groups import queries as staff_groups


def start_anew(unit: UnitOfWork, item: QueueItem) -> None:
    """Let the service time begin now: that of the item's department, or else that of its type."""
    group = staff_groups.of_department(unit.session, item.department)
    hours = group.service_hours if group else None
    if hours is None:
        hours = message_types.named(unit.session, item.type, "type").service_hours
    days = queries.working_days_of(queries.settings_of(unit.session))
    item.due_at = days.after(unit.now, hours)
    start(item, item.due_at)


def start(item: QueueItem, escalates_at: datetime.datetime) -> None:
    """Let others be told from this moment on that the item waits."""
    item.escalates_at, item.escalated_to = escalates_at, None


def stop(item: QueueItem) -> None:
    """Nobody is told of an item any more."""
    item.escalates_at = item.escalated_to = None
