"""What is forgotten after a time: finished deliveries, and that a mailbox returns mail. The audit trail keeps that they were."""

from __future__ import annotations

import datetime

from sqlalchemy import ColumnElement, and_, or_, select

from services.chassis.database import Database
from services.chassis.retention import Kept
from services.notifications.channels.models import ChannelSettings, ClientMessages
from services.notifications.deliveries.models import Delivery, SuppressedAddress


def finished_deliveries(days: int, database: Database) -> Kept:
    """Deliveries that were made so many days ago, or as many as their organisation has chosen, and have nothing left to try."""
    age = datetime.timedelta(days=days)

    def is_old(now: datetime.datetime) -> ColumnElement[bool]:
        chosen = [
            and_(
                Delivery.organisation_id == organisation_id,
                Delivery.channel == channel,
                Delivery.created_at < now - datetime.timedelta(days=kept),
            )
            for organisation_id, channel, kept in _chosen(database)
            if kept < days
        ]
        return and_(or_(Delivery.created_at < now - age, *chosen), Delivery.next_try_at.is_(None))

    return Kept("deliveries", Delivery, is_old)


def _chosen(database: Database) -> list[tuple[str, str, int]]:
    """What organisations have chosen: organisation, channel, days."""
    with database.reading(None) as session:
        rows = session.execute(select(ChannelSettings.organisation_id, ChannelSettings.kept_days)).all()
    return [(row.organisation_id, channel, days) for row in rows for channel, days in row.kept_days.items()]


def counts_of_days() -> Kept:
    """How many messages API clients caused on days before yesterday."""
    return Kept(
        "client_messages",
        ClientMessages,
        lambda now: ClientMessages.on_day < (now - datetime.timedelta(days=1)).date(),
    )


def suppressed_addresses(days: int) -> Kept:
    """Mailboxes that returned mail so many days ago. Somebody may have them now, so one mail tries."""
    age = datetime.timedelta(days=days)
    return Kept("suppressed_addresses", SuppressedAddress, lambda now: SuppressedAddress.since < now - age)
