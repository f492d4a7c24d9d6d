"""Waiting times with 10,000 and with 1,000,000 referrals in PostgreSQL, measured in turns in one run.

    python -m tests.load.referrals_bench [--small 10000] [--large 1000000] [--rounds 5]

The bars: a provider's list, a record by number, a status change and the dashboard take at most twice as long with a
million as with ten thousand; statistics over a year take less than 2 s. The service runs in this process, without broker:
so the figures are those of the database and not of the way to it.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, insert, select, text

from services.chassis import logs
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.chassis.wire import new_id
from services.contracts.referrals import assignments, capacity, fhir, queues, reports, status_changes
from services.referrals.directory.models import Resource
from services.referrals.models import QueueProgram, Referral
from services.referrals.reports.tallying import tally_all
from tests.integration.referrals.builders import PROVIDER_MAY, STAFF
from tests.support.in_process import HARBOR, InProcess, a_caller
from tests.support.servers import private_postgres

AGENCIES, PROGRAMS_OF_EACH, QUEUES = 50, 10, 20
MOST_RATIO, MOST_STATISTICS_S = 2.0, 2.0
PAGE = 20
DAYS = 365

_RECORDS = """
    INSERT INTO contact_records (id, organisation_id, number, first_name, last_name, postal_code, sections,
                                 submitted_at, created_at, version)
    SELECT md5('record' || i), :organisation, 'CR-' || lpad(i::text, 8, '0'), 'First' || i % 997, 'Last' || i % 9973,
           lpad((i % 99999)::text, 5, '0'), '[]', at, at, 1
    FROM (SELECT i, :now - (random() * :days || ' days')::interval AS at FROM generate_series(1, :count) AS i) AS made
"""
# Of a hundred referrals 3 are open (a fifth of them overdue) and 97 ended: 75 completed, 22 declined.
_REFERRALS = """
    INSERT INTO referrals (id, organisation_id, contact_record_id, queue_id, program_id, status, status_since, is_terminal,
                           priority, holds_capacity, is_waitlisted, assigned_at, accepted_at, due_at, ended_at, ended_by,
                           reason_code, outcome_code, updated_at, version)
    SELECT md5('referral' || i), :organisation, md5('record' || i), pair.queue_id, pair.program_id,
           (ARRAY['referred', 'attempting_contact', 'enrolled', 'completed', 'declined'])[stage],
           at + took * (least(stage, 4) - 1), stage > 3,
           CASE WHEN i % 10 = 0 THEN 'urgent' ELSE 'routine' END, false, false, at,
           CASE WHEN stage BETWEEN 2 AND 4 THEN at + took END,
           CASE WHEN stage <= 3 AND i % 5 = 0 THEN :now - interval '1 hour' WHEN stage <= 3 THEN :now + interval '9 days' END,
           CASE WHEN stage > 3 THEN at + took * 3 END, CASE WHEN stage = 5 THEN 'provider' END,
           CASE WHEN stage = 5 THEN (ARRAY['no_capacity', 'not_eligible', 'out_of_area'])[1 + i % 3] END,
           CASE WHEN stage = 4 THEN (ARRAY['service_received', 'lost_contact', 'found_elsewhere'])[1 + i % 3] END,
           at + took * (least(stage, 4) - 1), CASE WHEN stage = 5 THEN 2 ELSE stage END
    FROM (
        SELECT i, CASE WHEN i % 100 < 3 THEN 1 + i % 3 WHEN i % 100 < 78 THEN 4 ELSE 5 END AS stage,
               record.submitted_at AS at, (exp(random() * 9) || ' minutes')::interval AS took,
               1 + floor(random() * :pairs)::int AS number
        FROM generate_series(1, :count) AS i JOIN contact_records AS record ON record.id = md5('record' || i)
    ) AS made JOIN pairs AS pair ON pair.number = made.number
"""
_HISTORY = """
    INSERT INTO referral_status_changes (id, organisation_id, referral_id, position, at, kind, from_key, from_label, to_key,
                                         to_label, is_internal, actor_id, actor_realm)
    SELECT md5(referral.id || step), organisation_id, referral.id, step,
           assigned_at + (status_since - assigned_at) * ((step - 1)::float / greatest(version - 1, 1)),
           CASE step WHEN 1 THEN 'assigned' ELSE 'status' END,
           CASE WHEN step > 1 THEN names[step - 1] END, CASE WHEN step > 1 THEN names[step - 1] END,
           CASE WHEN step = version THEN status ELSE names[step] END,
           CASE WHEN step = version THEN status ELSE names[step] END, false, :actor, 'staff'
    FROM referrals AS referral, generate_series(1, referral.version) AS step,
         (SELECT ARRAY['referred', 'attempting_contact', 'enrolled', 'completed'] AS names) AS known
    ORDER BY 5
"""
# The result of `rebuild`, in days of UTC, which would take minutes for a million. The service's own loop makes the
# tallies.
_REPORTS = (
    """
    INSERT INTO report_cells (organisation_id, queue_id, program_id, status)
    SELECT DISTINCT :organisation, queue_id, program_id, status FROM pairs,
           unnest(ARRAY['referred', 'attempting_contact', 'enrolled', 'completed', 'declined']) AS status
    """,
    """
    INSERT INTO report_places (referral_id, cell_id, since, is_waiting, is_urgent, assigned_day, ended_day, ended_by,
                               outcome_code, reason_code)
    SELECT r.id, cell.id, status_since, false, priority <> 'routine' AND NOT is_terminal, began, ended, ended_by,
           outcome_code, reason_code
    FROM (SELECT *, floor(extract(epoch FROM assigned_at) / 86400)::int AS began,
                 floor(extract(epoch FROM ended_at) / 86400)::int AS ended FROM referrals) AS r
         JOIN report_cells AS cell USING (queue_id, program_id, status)
    """,
    """
    INSERT INTO report_moves (left_cell_id, entered_cell_id, day, duration_class)
    SELECT origin.id, target.id, day, least(32000, CASE WHEN took <= 50 THEN took
           ELSE 51 + floor(ln(took / 50) / ln(1.02)) END)::smallint
    FROM (SELECT referral_id, from_key, to_key, floor(extract(epoch FROM at) / 86400)::int AS day,
                 extract(epoch FROM at - lag(at) OVER (PARTITION BY referral_id ORDER BY position))::float AS took
          FROM referral_status_changes) AS line
         JOIN referrals AS r ON r.id = line.referral_id
         JOIN report_cells AS origin ON (origin.queue_id, origin.program_id, origin.status) =
              (r.queue_id, r.program_id, from_key)
         JOIN report_cells AS target ON (target.queue_id, target.program_id, target.status) =
              (r.queue_id, r.program_id, to_key)
    ORDER BY day
    """,
    """
    INSERT INTO report_counts (cell_id, total, open, waiting, urgent)
    SELECT cell_id, count(*), count(*) FILTER (WHERE ended_day IS NULL), 0, count(*) FILTER (WHERE is_urgent)
    FROM report_places GROUP BY cell_id
    """,
)


class Filled:
    """A service over a database with so many referrals of an organisation, given by id and key."""

    def __init__(self, url: str, count: int, folder: Path, organisation: tuple[str, str] = HARBOR) -> None:
        self.count = count
        self.organisation = organisation
        self.staff = replace(STAFF, organisation_id=organisation[0], organisation_key=organisation[1])
        self.service = InProcess("referrals", url, folder)
        self.programs = self._directory()
        self._queues()
        self._fill(create_engine(url), count)
        open_ones = select(Referral.id).where(Referral.status == "referred").limit(2_000)
        with self.service.database.reading(None) as session:
            self._to_move = list(session.scalars(open_ones))
        random.Random(5).shuffle(self._to_move)
        resources = [{"id": self.programs[17], "level": "program"}]
        scope = {"resources": resources, "details": False}
        self.provider = a_caller(
            *PROVIDER_MAY, realm="provider", id="7" * 32, organisation=organisation, scope=scope
        )

    def __call__(self, operation: Any, caller: Caller | None = None, **request: Any) -> Any:
        return self.service.call(operation, caller or self.staff, **request)

    def move(self) -> None:
        """Change the status of a referral that stood at its first."""
        self(
            status_changes.change_status,
            referral_id=self._to_move.pop(),
            status="attempting_contact",
            version=1,
        )

    def by_number(self) -> None:
        """Find a record by its number."""
        number = f"CR-{random.randint(1, self.count):08d}"
        assert len(self(assignments.list_referrals, number=number)["items"]) == 1

    def _directory(self) -> list[str]:
        now, programs, rows = utc_now(), [], []
        for number in range(AGENCIES):
            agency_id = new_id()
            rows.append(
                _resource(
                    self.organisation[0], agency_id, f"A{number}", f"Agency {number:03d}", "agency", None, now
                )
            )
            for each in range(PROGRAMS_OF_EACH):
                programs.append(new_id())
                name = f"Program {number:03d}-{each}"
                rows.append(
                    _resource(
                        self.organisation[0],
                        programs[-1],
                        f"P{number}-{each}",
                        name,
                        "program",
                        agency_id,
                        now,
                    )
                )
        self.service.database.write(
            self.organisation[0], lambda session: session.execute(insert(Resource), rows)
        )
        return programs

    def _queues(self) -> None:
        ids = [self(queues.create_queue, name=f"Queue {number:02d}")["id"] for number in range(QUEUES)]
        rows = [
            {
                "organisation_id": self.organisation[0],
                "queue_id": queue_id,
                "program_id": program_id,
                "added_at": utc_now(),
            }
            for number, program_id in enumerate(self.programs)
            for queue_id in (ids[number % QUEUES], ids[(number + 7) % QUEUES])
        ]
        self.service.database.write(
            self.organisation[0], lambda session: session.execute(insert(QueueProgram), rows)
        )
        for program_id in self.programs:
            self(capacity.set_capacity, program_id=program_id, total=5_000)

    def _fill(self, engine: Engine, count: int) -> None:
        started = time.monotonic()
        known = {
            "organisation": self.organisation[0],
            "now": utc_now(),
            "days": DAYS,
            "count": count,
            "pairs": 2 * len(self.programs),
            "actor": "5" * 32,
        }
        with engine.begin() as connection:
            connection.execute(text("SELECT setseed(0.5)"))
            connection.execute(
                text(
                    "CREATE TEMP TABLE pairs ON COMMIT DROP AS SELECT queue_id, program_id,"
                    " row_number() OVER (ORDER BY program_id, queue_id) AS number FROM queue_programs"
                )
            )
            with _unindexed(connection):
                for statement in (_RECORDS, _REFERRALS, _HISTORY, *_REPORTS):
                    connection.execute(text(statement), known)
                    connection.execute(text("ANALYZE"))  # the next one joins what this one has filled
        filled_at = time.monotonic()
        weeks = tally_all(self.service.database, utc_now())
        took_s, tallied_s = filled_at - started, time.monotonic() - filled_at
        print(
            f"{count:,} referrals: filled in {took_s:.0f} s, {weeks} weeks tallied in {tallied_s:.0f} s",
            flush=True,
        )
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        engine.dispose()


@contextlib.contextmanager
def _unindexed(connection: Connection) -> Iterator[None]:
    """Fill without foreign keys and with indexes made afterwards: millions of random keys take long otherwise."""
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
    found = connection.execute(
        text(
            "SELECT indexname, indexdef FROM pg_indexes WHERE indexname LIKE 'ix_%' AND tablename IN"
            " ('contact_records', 'referrals', 'referral_status_changes', 'report_places', 'report_moves')"
        )
    ).all()
    for name, _ in found:
        connection.execute(text(f"DROP INDEX {name}"))
    yield
    for _, definition in found:
        connection.execute(text(definition))


def _resource(
    organisation_id: str,
    own_id: str,
    number: str,
    name: str,
    level: str,
    agency_id: str | None,
    now: datetime.datetime,
) -> dict[str, Any]:
    return {
        "organisation_id": organisation_id,
        "id": own_id,
        "number": number,
        "level": level,
        "name": name,
        "search_key": name.lower(),
        "status": "active",
        "agency_id": agency_id,
        "fingerprint": "0" * 64,
        "temporary_message": None,
        "record": {},
        "created_at": now,
        "updated_at": now,
    }


def cases(filled: Filled) -> dict[str, Callable[[], Any]]:
    """What is measured, by name. The first four have the bar."""
    tasks = {"resource_type": "Task", "base_url": "https://portico.example/fhir/R4"}
    return {
        "provider's list": lambda: filled(assignments.list_referrals, filled.provider, limit=PAGE),
        "record by number": filled.by_number,
        "status change": filled.move,
        "dashboard": lambda: filled(reports.get_dashboard),
        "dashboard, provider": lambda: filled(reports.get_dashboard, filled.provider),
        "programs' demand": lambda: filled(reports.list_program_demand, limit=PAGE),
        "staff's list": lambda: filled(assignments.list_referrals, limit=PAGE),
        "FHIR Task search": lambda: filled(fhir.fhir_search, parameters={"status": ["requested"]}, **tasks),
    }


WITH_A_BAR = 4


def compare(small: Filled, large: Filled, rounds: int) -> bool:
    """Measure both in turns and print the table; whether the bars hold."""
    holds = True
    print(f"\n{'median of a call':<24}{small.count:>12,}{large.count:>14,}{'ratio':>8}")
    one, other = cases(small), cases(large)
    for position, name in enumerate(one):
        times: tuple[list[float], list[float]] = ([], [])
        for call in (one[name], other[name]):
            _timed(call)
        for _ in range(rounds * 10):
            times[0].append(_timed(one[name]))
            times[1].append(_timed(other[name]))
        few, many = (statistics.median(each) for each in times)
        has_bar = position < WITH_A_BAR
        holds = holds and (many <= MOST_RATIO * few or not has_bar)
        print(f"{name:<24}{few:>9.2f} ms{many:>11.2f} ms{many / few:>8.2f}{'  bar: 2' if has_bar else ''}")
    return holds


def measure_statistics(large: Filled) -> bool:
    """Time the statistics of the whole year; whether the bar holds."""
    holds = True
    today = utc_now().date()
    year = {"from_on": str(today - datetime.timedelta(days=DAYS)), "to_on": str(today)}
    print(f"\nstatistics over a year at {large.count:,}, load average {os.getloadavg()[0]:.1f}")
    for group_by in (None, *reports.GROUPS):
        took = [_timed(lambda: large(reports.get_statistics, **year, group_by=group_by)) for _ in range(3)]  # noqa: B023
        holds = holds and statistics.median(took) < MOST_STATISTICS_S * 1000
        print(f"  by {group_by or 'nothing':<20}{statistics.median(took):>9.0f} ms")
    return holds


def _timed(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def bench_referrals(small: int, large: int, rounds: int) -> bool:
    """Fill both, measure both; whether all bars hold."""
    with private_postgres(durable=False) as cluster, tempfile.TemporaryDirectory() as folder:
        few = Filled(cluster.create_database("few"), small, Path(folder))
        many = Filled(cluster.create_database("many"), large, Path(folder))
        holds = compare(few, many, rounds)
        holds = measure_statistics(many) and holds
        few.service.close()
        many.service.close()
    print("\nall bars hold" if holds else "\na bar is missed")
    return holds


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    logs.configure("bench", "ERROR")
    sys.exit(0 if bench_referrals(arguments.small, arguments.large, arguments.rounds) else 1)


if __name__ == "__main__":
    main()
