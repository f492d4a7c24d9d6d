"""Deliveries of a killed sender are due again when its process has restarted."""

from __future__ import annotations

import datetime
from pathlib import Path

from sqlalchemy import select

from services.chassis import wire
from services.chassis.unit_of_work import utc_now
from services.notifications.deliveries import sending
from services.notifications.deliveries.models import Delivery
from tests.support.in_process import HARBOR, InProcess


def _leased(process: InProcess) -> None:
    later = utc_now() + datetime.timedelta(seconds=120)
    row = Delivery(
        id=wire.new_id(),
        organisation_id=HARBOR[0],
        organisation_key=HARBOR[1],
        event_id=wire.new_id(),
        kind="referral_assigned",
        channel="email",
        account_id="c" * 32,
        state="sending",
        tries=1,
        context={},
        message_id="x@example.org",
        template_version=1,
        correlation_id="test",
        created_at=utc_now(),
        next_try_at=later,
    )
    process.database.write(HARBOR[0], lambda session: session.add(row))


def test_a_new_process_on_sqlite_takes_over_what_the_old_one_held(tmp_path: Path):
    process = InProcess("notifications", f"sqlite:///{tmp_path}/n.db", tmp_path)
    _leased(process)

    sending.take_over(process.runtime)

    with process.database.reading(None) as session:
        assert session.scalars(select(Delivery)).one().next_try_at <= utc_now()
    process.close()


def test_with_postgresql_another_replica_may_hold_it_so_the_lease_runs_out_by_itself(
    tmp_path: Path, new_postgres_url: str
):
    process = InProcess("notifications", new_postgres_url, tmp_path)
    _leased(process)

    sending.take_over(process.runtime)

    with process.database.reading(None) as session:
        assert session.scalars(select(Delivery)).one().next_try_at > utc_now()
    process.close()
