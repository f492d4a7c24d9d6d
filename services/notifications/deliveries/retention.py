"""Which deliveries are forgotten: finished ones, after a time. The audit trail keeps that they were sent."""

from __future__ import annotations

import datetime

from sqlalchemy import and_

from services.chassis.retention import Kept
from services.notifications.deliveries.models import Delivery


def finished_deliveries(days: int) -> Kept:
    """Deliveries that were made so many days ago and have nothing left to try."""
    age = datetime.timedelta(days=days)
    return Kept(
        "deliveries",
        Delivery,
        lambda now: and_(Delivery.created_at < now - age, Delivery.next_try_at.is_(None)),
    )
