"""Which rows of a service are deleted when, in small transactions that hold nobody up: one job of every service.

The ages are settings (`make settings`). The audit trail is never deleted.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, text

from services.chassis import metrics
from services.chassis.database import Database
from services.chassis.unit_of_work import utc_now

EVERY_S = 3600.0


@dataclass(frozen=True)
class Kept:
    """Rows of one kind (`what`, a label of metrics), and the condition under which they are too old at a time."""

    what: str
    model: Any
    is_old: Callable[[datetime.datetime], ColumnElement[bool]]


class Retention:
    """What a service forgets. Its subjects add their kinds of rows."""

    def __init__(self, service: str, database: Database, *kept: Kept) -> None:
        self._service = service
        self._database = database
        self._kept = list(kept)

    def add(self, *kept: Kept) -> None:
        """Forget these, too."""
        self._kept.extend(kept)

    def forget(self) -> bool:
        """Delete what is too old, and measure the database. Always True."""
        now = utc_now()
        for each in self._kept:
            count = self._database.sweep(each.model, each.is_old(now))
            metrics.ROWS_FORGOTTEN.labels(self._service, each.what).inc(count)
        metrics.DATABASE_BYTES.labels(self._service).set(self._bytes())
        return True

    def _bytes(self) -> int:
        question = (
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
            if self._database.is_sqlite
            else "SELECT pg_database_size(current_database())"
        )
        with self._database.reading(None) as session:
            return int(session.execute(text(question)).scalar_one())


def standard(tables: Any, settings: Any) -> tuple[Kept, ...]:
    """What every service forgets: answers of request ids, ids of handled events, and published events."""
    answers = datetime.timedelta(hours=settings.requests_kept_hours)
    handled = datetime.timedelta(days=settings.handled_events_kept_days)
    published = datetime.timedelta(days=settings.published_events_kept_days)
    return (
        Kept("requests", tables.Request, lambda now: tables.Request.created_at < now - answers),
        Kept("inbox", tables.Inbox, lambda now: tables.Inbox.handled_at < now - handled),
        Kept("published_events", tables.Published, lambda now: tables.Published.created_at < now - published),
    )
