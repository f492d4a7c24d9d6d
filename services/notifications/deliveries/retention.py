"""What is forgotten after a time: finished deliveries, and that a mailbox returns mail. The audit trail keeps that they were."""

from __future__ import annotations

import datetime

from sqlalchemy import and_

from services.chassis.retention import Kept
from services.notifications.deliveries.models import Delivery, SuppressedAddress


def finished_deliveries(days: int) -> Kept:
    """Deliveries that were made so many days ago and have nothing left to try."""
    age = datetime.timedelta(days=days)
    return Kept(
        "deliveries",
        Delivery,
        lambda now: and_(Delivery.created_at < now - age, Delivery.next_try_at.is_(None)),
    )


def suppressed_addresses(days: int) -> Kept:
    """Mailboxes that returned mail so many days ago. Somebody may have them now, so one mail tries."""
    age = datetime.timedelta(days=days)
    return Kept("suppressed_addresses", SuppressedAddress, lambda now: SuppressedAddress.since < now - age)
