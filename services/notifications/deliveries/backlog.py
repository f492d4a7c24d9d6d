"""What has not gone out yet, as metrics: a provider that takes nothing must show, and no delivery says so loudly by itself."""

from __future__ import annotations

from sqlalchemy import func, select

from services.chassis import metrics
from services.chassis.database import Database
from services.chassis.unit_of_work import utc_now
from services.notifications.deliveries.models import Delivery

EVERY_S = 10.0
_seen: set[tuple[str, str]] = set()


def measure(database: Database) -> bool:
    """Count the deliveries that still have a try to come, by channel and state, and how long the oldest has waited."""
    asked = (
        select(Delivery.channel, Delivery.state, func.count(), func.min(Delivery.created_at))
        .where(Delivery.next_try_at.is_not(None))
        .group_by(Delivery.channel, Delivery.state)
    )
    with database.reading(None) as session:
        found = {(row[0], row[1]): (row[2], row[3]) for row in session.execute(asked)}
    now = utc_now()
    _seen.update(found)
    for labels in _seen:  # what is gone is zero, not what it was last
        count, oldest = found.get(labels, (0, now))
        metrics.DELIVERIES_WAITING.labels(*labels).set(count)
        metrics.DELIVERIES_OLDEST.labels(*labels).set((now - oldest).total_seconds())
    return True
