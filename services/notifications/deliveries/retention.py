"""What is forgotten after a time: finished deliveries, and that a mailbox returns mail. The audit trail keeps that they were."""

from __future__ import annotations

import datetime
from collections import defaultdict

from sqlalchemy import ColumnElement, and_, func, or_, select

from services.chassis.database import Database
from services.chassis.retention import Kept
from services.notifications.channels.models import ChannelSettings, ClientMessages
from services.notifications.deliveries.models import Delivery, SuppressedAddress
from services.notifications.deliveries.suppression import STOPPED


def finished_deliveries(days: int, database: Database) -> Kept:
    """Deliveries that ended so many days ago, or as many as their organisation has chosen, and have nothing left to try.

    They count from when they were sent, else from when they were due: a reminder may be made long before that.
    """
    age = datetime.timedelta(days=days)

    def is_old(now: datetime.datetime) -> ColumnElement[bool]:
        chosen = [
            and_(
                Delivery.organisation_id.in_(organisations),
                Delivery.channel == channel,
                _is_before(now - datetime.timedelta(days=kept)),
            )
            for (channel, kept), organisations in _chosen(database).items()
            if kept < days
        ]
        return and_(
            or_(_is_before(now - age), *chosen),
            Delivery.next_try_at.is_(None),
            or_(Delivery.report_due_at.is_(None), Delivery.report_due_at <= now),
        )

    return Kept("deliveries", Delivery, is_old)


def _is_before(limit: datetime.datetime) -> ColumnElement[bool]:
    ended_at = func.coalesce(Delivery.sent_at, Delivery.shown_at, Delivery.created_at)
    # The index finds what was made before; what was sent before was.
    return and_(Delivery.created_at < limit, ended_at < limit)


def _chosen(database: Database) -> dict[tuple[str, int], list[str]]:
    """What organisations have chosen: channel and days → those who have. Most choose alike, so the condition stays short."""
    chosen: dict[tuple[str, int], list[str]] = defaultdict(list)
    with database.reading(None) as session:
        for row in session.execute(select(ChannelSettings.organisation_id, ChannelSettings.kept_days)):
            for kept in row.kept_days.items():
                chosen[kept].append(row.organisation_id)
    return chosen


def counts_of_days() -> Kept:
    """How many messages API clients caused on days before yesterday."""
    return Kept(
        "client_messages",
        ClientMessages,
        lambda now: ClientMessages.on_day < (now - datetime.timedelta(days=1)).date(),
    )


def suppressed_addresses(days: int) -> Kept:
    """Mailboxes that returned mail so many days ago. Somebody may have them now, so one mail tries. STOP only START ends."""
    age = datetime.timedelta(days=days)
    return Kept(
        "suppressed_addresses",
        SuppressedAddress,
        lambda now: and_(SuppressedAddress.since < now - age, SuppressedAddress.reason != STOPPED),
    )
