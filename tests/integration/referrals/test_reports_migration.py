"""The reports' migration counts the referrals that were there before it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from services.chassis import migrate
from services.chassis.database import Database
from services.chassis.unit_of_work import utc_now
from services.referrals.reports.rebuild import rebuild
from tests.integration.referrals.test_reports_statistics import everything
from tests.support.in_process import HARBOR

BEFORE = "0005"
MONDAY = datetime.datetime(2026, 3, 2, 9, 0, tzinfo=datetime.UTC)
TABLES = ("resources", "queues", "contact_records", "referrals", "referral_status_changes")
RECORD, QUEUE, PROGRAM = "1" * 32, "2" * 32, "3" * 32


class Counted:
    """A stand-in for the desk that `everything` expects."""

    def __init__(self, url: str) -> None:
        self.service: Any = self
        self.database = Database(url)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_there_before_is_counted_as_a_rebuild_counts_it(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = (
        f"sqlite:///{tmp_path / 'old.db'}"
        if kind == "sqlite"
        else request.getfixturevalue("postgres_database")
    )
    migrate.upgrade("referrals", url, BEFORE)
    fill(url)

    migrate.upgrade("referrals", url)

    counted = Counted(url)
    kept = everything(counted)  # type: ignore[arg-type]
    assert [row["ended_day"] is None for row in kept["places"]] == [True, False]
    assert len(kept["moves"]) == 2
    rebuild(counted.database, utc_now())
    assert everything(counted) == kept  # type: ignore[arg-type]
    assert migrate.differences("referrals", url) == []
    counted.database.close()


def fill(url: str) -> None:
    """One referral that is open, and one that was completed after three hours and five more."""
    engine = sa.create_engine(url)
    metadata = sa.MetaData()
    metadata.reflect(engine, only=TABLES)
    tables = metadata.tables
    own = {"organisation_id": HARBOR[0]}
    at = MONDAY if engine.dialect.name == "postgresql" else MONDAY.replace(tzinfo=None)
    stamps = {"created_at": at, "updated_at": at, "version": 1}
    with engine.begin() as connection:

        def add(table: str, **values: Any) -> None:
            row = {
                name: value for name, value in {**own, **stamps, **values}.items() if name in tables[table].c
            }
            connection.execute(tables[table].insert(), row)

        add(
            "resources",
            id=PROGRAM,
            number="11",
            level="program",
            name="Shelter",
            search_key="shelter",
            status="active",
            fingerprint="0" * 64,
            temporary_message=None,
            record={},
            revision=0,
        )
        add("queues", id=QUEUE, name="Housing", name_key="housing", is_active=True, settings={}, forms=[])
        add("contact_records", id=RECORD, number="CR-00000001", sections=[], submitted_at=at)
        for referral_id, keys in (
            ("4" * 32, ["referred"]),
            ("5" * 32, ["referred", "enrolled", "completed"]),
        ):
            times = [at + datetime.timedelta(hours=hours) for hours in (0, 3, 8)]
            has_ended = len(keys) > 1
            add(
                "referrals",
                id=referral_id,
                contact_record_id=RECORD,
                queue_id=QUEUE,
                program_id=PROGRAM,
                status=keys[-1],
                status_since=times[len(keys) - 1],
                is_terminal=has_ended,
                priority="routine",
                holds_capacity=False,
                is_waitlisted=False,
                assigned_at=at,
                ended_at=times[-1] if has_ended else None,
                outcome_code="service_received" if has_ended else None,
            )
            for position, key in enumerate(keys, 1):
                before = keys[position - 2] if position > 1 else None
                add(
                    "referral_status_changes",
                    id=f"{referral_id[:31]}{position}",
                    referral_id=referral_id,
                    position=position,
                    at=times[position - 1],
                    kind="status" if before else "assigned",
                    from_key=before,
                    from_label=before,
                    to_key=key,
                    to_label=key,
                    is_internal=False,
                    actor_id="5" * 32,
                )
    engine.dispose()
