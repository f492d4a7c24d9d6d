"""Finished deliveries are forgotten at their age; one that is still to be sent never is."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from services.chassis.retention import Retention
from services.chassis.unit_of_work import utc_now
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.retention import finished_deliveries
from tests.support.databases import migrated, opened


def test_only_finished_deliveries_of_that_age_are_forgotten(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/notifications.db"
    migrated("notifications", url)
    database = opened(url)
    now = utc_now()

    def delivery(
        name: str, days: int, next_try_at: datetime.datetime | None = None, **values: Any
    ) -> Delivery:
        same = dict.fromkeys(("organisation_id", "organisation_key", "account_id", "kind", "channel"), "x")
        return Delivery(
            id=name,
            event_id=name,
            template_version=1,
            context={},
            state="sent" if next_try_at is None else "temporary_failure",
            message_id="m",
            correlation_id="c",
            created_at=now - datetime.timedelta(days=days),
            next_try_at=next_try_at,
            **same,
            **values,
        )

    young, old = now - datetime.timedelta(days=364), now - datetime.timedelta(days=366)
    rows = [
        delivery("old", 366),
        delivery("young", 364),
        delivery("waiting", 366, now),
        # Reminders that were made long before they were due.
        delivery("just_sent", 400, sent_at=young, shown_at=old),
        delivery("just_shown", 400, shown_at=young),
        delivery("long_sent", 400, sent_at=old, shown_at=old),
        delivery("unreported", 400, sent_at=old, report_due_at=now + datetime.timedelta(days=1)),
    ]
    database.write(None, lambda session: session.add_all(rows))

    Retention("notifications", database, finished_deliveries(365, database)).forget()

    with database.reading(None) as session:
        assert sorted(session.scalars(select(Delivery.id))) == [
            "just_sent",
            "just_shown",
            "unreported",
            "waiting",
            "young",
        ]
    database.close()
