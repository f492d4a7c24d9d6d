"""Background work of the reports: folding deltas into counts, tallying moves, sampling the use of capacity."""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from services.chassis.database import Database, insert_into
from services.chassis.loop import Loop
from services.chassis.unit_of_work import utc_now
from services.referrals.calendar.models import ReportSettings
from services.referrals.calendar.rules import DEFAULT_ZONE, local_day
from services.referrals.capacity.models import Line, Term
from services.referrals.reports.models import ReportCapacityDay, ReportCount, ReportDelta
from services.referrals.reports.rules import day_number
from services.referrals.reports.tallying import tally_all

FOLD_EVERY_S = 5.0
TALLY_EVERY_S = 60.0
SAMPLE_EVERY_S = 900.0
_BATCH = 2_000
_NUMBERS = ("total", "open", "waiting", "urgent")


def loops(database: Database) -> list[Loop]:
    """The loops of the reports in one process. Replicas may run them side by side."""

    def sample() -> bool:
        database.write(None, lambda session: sample_capacity(session, utc_now()))
        return True

    def tally() -> bool:
        tally_all(database, utc_now())
        return True

    return [
        Loop("report-counts", lambda: fold_all(database), every_s=FOLD_EVERY_S),
        Loop("report-tallies", tally, every_s=TALLY_EVERY_S),
        Loop("report-capacity", sample, every_s=SAMPLE_EVERY_S),
    ]


def fold_all(database: Database) -> bool:
    """Fold until less than a batch is left. Always True: deltas that arrive meanwhile wait for the next run."""
    with database.reading(None) as session:
        is_empty = session.scalar(select(ReportDelta.id).limit(1)) is None
    while not is_empty:
        is_empty = database.write(None, fold_counts) < _BATCH
    return True


def fold_counts(session: Session) -> int:
    """Fold a batch of deltas into the counts, and return their number. A reader sees each change in exactly one of the two.

    Two processes that fold at once take different deltas and update the counts in the order of the cells, so they cannot
    deadlock.
    """
    batch = select(ReportDelta).order_by(ReportDelta.id).limit(_BATCH).with_for_update(skip_locked=True)
    deltas = session.scalars(batch).all()
    if not deltas:
        return 0
    sums: dict[int, list[int]] = defaultdict(lambda: [0] * len(_NUMBERS))
    for delta in deltas:
        for position, name in enumerate(_NUMBERS):
            sums[delta.cell_id][position] += getattr(delta, name)
    ids = [delta.id for delta in deltas]
    session.execute(
        delete(ReportDelta).where(ReportDelta.id.in_(ids)).execution_options(synchronize_session=False)
    )
    rows = [
        {"cell_id": cell_id, **dict(zip(_NUMBERS, numbers, strict=True))}
        for cell_id, numbers in sorted(sums.items())
        if any(numbers)
    ]
    if rows:
        _add_up(session, ReportCount, rows, ["cell_id"], _NUMBERS)
    return len(deltas)


def sample_capacity(session: Session, now: datetime.datetime) -> None:
    """Record the use of every program's capacity now, under the present day of its organisation."""
    zones = dict(session.execute(select(ReportSettings.organisation_id, ReportSettings.time_zone)).all())
    lines = (
        select(Line.organisation_id, Line.program_id, Term.unit, func.sum(Line.total), func.sum(Line.used))
        .join(Term, Term.id == Line.term_id)
        .where(Line.removed_at.is_(None))
        .group_by(Line.organisation_id, Line.program_id, Term.unit)
        .order_by(Line.program_id, Term.unit)
    )
    rows = []
    for organisation_id, program_id, unit, total, used in session.execute(lines):
        on = local_day(now, zones.get(organisation_id, DEFAULT_ZONE))
        rows.append(
            {
                "organisation_id": organisation_id,
                "program_id": program_id,
                "day": day_number(on),
                "unit": unit.casefold()[:40],
                "samples": 1,
                "total_sum": int(total),
                "used_sum": int(used),
            }
        )
    sums = ("samples", "total_sum", "used_sum")
    for start in range(0, len(rows), _BATCH):
        _add_up(session, ReportCapacityDay, rows[start : start + _BATCH], ["program_id", "day", "unit"], sums)


def _add_up(
    session: Session, table: Any, rows: list[dict[str, Any]], key: list[str], names: tuple[str, ...]
) -> None:
    """Insert the rows, or add their numbers to the existing rows with the same key."""
    insert = insert_into(session.connection().dialect.name, table.__table__)
    added = {name: table.__table__.c[name] + insert.excluded[name] for name in names}
    statement = insert.on_conflict_do_update(index_elements=key, set_=added)
    session.connection().execute(statement, rows)
