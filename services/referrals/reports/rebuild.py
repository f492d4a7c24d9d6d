"""Rebuild the reports from the referrals and their history: after a change of time zone, or to check them.

    python -m services.referrals.reports.rebuild

The database's address comes from REFERRALS_DATABASE_URL.

It works while the service is running. It first rebuilds the places (where each referral is counted) in batches of locked
referrals, then the counts, then the moves week by week. Each batch is one transaction that also notes the progress, so an
interrupted rebuilding continues there. Until the weeks are tallied again at the end, statistics read single moves: the same
numbers, more slowly. The result equals the reports that the service keeps up to date (a test compares them). The samples of
capacity use stay, because they cannot be computed from the history.
"""

from __future__ import annotations

import datetime
import functools
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

from sqlalchemy import Table, case, delete, func, insert, literal, select, text, union_all
from sqlalchemy.orm import Session, aliased

from services.chassis.database import Database
from services.chassis.unit_of_work import utc_now
from services.referrals.calendar.models import ReportSettings
from services.referrals.calendar.rules import DEFAULT_ZONE, local_day
from services.referrals.models import Referral, StatusChange
from services.referrals.reports.facts import cells_of, counted_facts, deltas_of, places_of
from services.referrals.reports.models import (
    ReportCount,
    ReportDay,
    ReportDelta,
    ReportMove,
    ReportPlace,
    ReportProgress,
    ReportWeek,
)
from services.referrals.reports.rules import day_number, day_of_number, duration_class, last_settled_day
from services.referrals.reports.tallying import tally_all

PLACES, COUNTS, MOVES = "places", "counts", "moves"
_REFERRALS = 1_000  # locked at a time, for some tens of milliseconds
_DAYS = 7
_ROWS = 5_000
_TELL_EVERY_S = 5.0
_FAR = datetime.timedelta(hours=15)  # no time zone is further from UTC

_MEMBERS = (
    "id",
    "organisation_id",
    "queue_id",
    "program_id",
    "status",
    "status_since",
    "is_terminal",
    "is_waitlisted",
    "priority",
    "assigned_at",
    "updated_at",
    "ended_at",
    "ended_by",
    "outcome_code",
    "reason_code",
)

Tell = Callable[[str], None]
Work = Callable[[Session, ReportProgress, datetime.datetime], None]
_MOVES = cast("Table", ReportMove.__table__)  # SQLAlchemy declares a FromClause, which is wider


def rebuild(database: Database, now: datetime.datetime, tell: Tell = lambda _line: None) -> None:
    """Rebuild everything, or continue an interrupted rebuilding. `tell` is called with the progress."""
    steps = {PLACES: _rebuild_places, COUNTS: _rebuild_counts, MOVES: _rebuild_moves}
    step: str | None = database.write(None, _begin)
    while step is not None:
        part = step
        do = functools.partial(_step, part=part, work=steps[part], now=now)
        step, reached = database.write(None, do)
        tell(f"{part}: {reached}" if step == part else f"{part}: done")
    tell(f"{tally_all(database, now)} weeks tallied")


def _begin(session: Session) -> str:
    """Note that a rebuilding begins, unless one is under way. Returns the part to do."""
    progress = session.get_one(ReportProgress, 1, with_for_update=True)
    if progress.rebuilding is not None:
        return progress.rebuilding
    progress.rebuilding, progress.rebuilt_to = PLACES, None
    return PLACES


def _step(
    session: Session, *, part: str, work: Work, now: datetime.datetime
) -> tuple[str | None, str | None]:
    """One transaction of a part, unless another process has finished that part. Returns the next part and its progress."""
    if session.get_bind().dialect.name == "postgresql":
        # No user waits for it, so it may wait for locks and run long statements. JIT compilation takes longer than it saves.
        for setting in ("lock_timeout = 0", "statement_timeout = 0", "jit = off"):
            session.execute(text(f"SET LOCAL {setting}"))
        if part == MOVES:
            # Changes committed meanwhile are invisible: neither deleted with the old moves nor read from the history.
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    progress = session.get_one(ReportProgress, 1, with_for_update=True)
    if progress.rebuilding == part:
        work(session, progress, now)
    return progress.rebuilding, progress.rebuilt_to


def _rebuild_places(session: Session, progress: ReportProgress, _now: datetime.datetime) -> None:
    """Correct the places of a batch of referrals, in the order of their ids, and the counts with them."""
    after = progress.rebuilt_to or ""
    referrals = session.execute(
        select(*(getattr(Referral, name) for name in _MEMBERS))
        .where(Referral.id > after)
        .order_by(Referral.id)
        .limit(_REFERRALS)
        .with_for_update(key_share=True)
    ).all()
    is_last = len(referrals) < _REFERRALS
    last = None if is_last else referrals[-1].id

    def within(column: Any) -> Any:
        return column > after if last is None else (column > after) & (column <= last)

    since = _since(session, within(StatusChange.referral_id))
    cells = cells_of(session, {(*_at(each), each.status) for each in referrals})
    zones = _zones(session)
    right = {
        each.id: {
            "cell_id": cells[each.queue_id, each.program_id, each.status],
            "since": since.get(each.id, each.status_since),
            **counted_facts(each, zones.get(each.organisation_id, DEFAULT_ZONE)),
        }
        for each in referrals
    }
    _put_right(session, within(ReportPlace.referral_id), right)
    progress.rebuilt_to = last
    if is_last:
        progress.rebuilding = COUNTS


def _put_right(session: Session, is_wanted: Any, right: dict[str, dict[str, Any]]) -> None:
    """Make the stored places equal to `right`. Each changed place also changes the counts."""
    table = ReportPlace.__table__
    kept = {row["referral_id"]: row for row in session.execute(select(table).where(is_wanted)).mappings()}
    wrong = [
        referral_id
        for referral_id, values in right.items()
        if referral_id not in kept or any(kept[referral_id][name] != values[name] for name in values)
    ]
    # Not simply the places that are not in `right`: a referral may have been created since it was read.
    is_nobodys = ~select(Referral.id).where(Referral.id == ReportPlace.referral_id).exists()
    wrong.extend(session.scalars(select(ReportPlace.referral_id).where(is_wanted, is_nobodys)))
    places = {place.referral_id: place for place in places_of(session, wrong)}
    for referral_id in wrong:
        before = places.get(referral_id)
        after = ReportPlace(referral_id=referral_id, **right[referral_id]) if referral_id in right else None
        session.add_all(deltas_of(before, after))
        if after is None:  # the referral has been deleted
            session.delete(before)
        elif before is None:
            session.add(after)
        else:
            session.merge(after)


def _since(session: Session, is_wanted: Any) -> dict[str, datetime.datetime]:
    """The time since which each referral has been at its status."""
    statement = (
        select(StatusChange.referral_id, func.max(StatusChange.at))
        .where(is_wanted, StatusChange.from_key.is_distinct_from(StatusChange.to_key))
        .group_by(StatusChange.referral_id)
    )
    return dict(session.execute(statement).all())


def _rebuild_counts(session: Session, progress: ReportProgress, _now: datetime.datetime) -> None:
    """Count the places again, minus the deltas that are not folded yet. Folding waits meanwhile; changes do not."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE report_counts IN SHARE ROW EXCLUSIVE MODE"))
    session.execute(delete(ReportCount).execution_options(synchronize_session=False))
    numbers = ("total", "open", "waiting", "urgent")

    def one_if(condition: Any) -> Any:
        return case((condition, 1), else_=0)

    counted = union_all(
        select(
            ReportPlace.cell_id.label("cell_id"),
            literal(1).label("total"),
            one_if(ReportPlace.ended_day.is_(None)).label("open"),
            one_if(ReportPlace.is_waiting).label("waiting"),
            one_if(ReportPlace.is_urgent).label("urgent"),
        ),
        select(ReportDelta.cell_id, *(-getattr(ReportDelta, name) for name in numbers)),
    ).subquery()
    sums = select(counted.c.cell_id, *(func.sum(counted.c[name]) for name in numbers)).group_by(
        counted.c.cell_id
    )
    session.execute(insert(ReportCount).from_select(("cell_id", *numbers), sums))
    progress.rebuilding = MOVES


def _rebuild_moves(session: Session, progress: ReportProgress, now: datetime.datetime) -> None:
    """Rebuild a week of moves; at last the moves of the days that are not settled yet."""
    if progress.rebuilt_to is None:
        _forget_tallies(session, progress)
        progress.rebuilt_to = str(_first_day(session, now))
    first, settled = int(progress.rebuilt_to), last_settled_day(now)
    last = min(first + _DAYS - 1, settled) if first <= settled else None
    of_these = (
        ReportMove.day >= first if last is None else (ReportMove.day >= first) & (ReportMove.day <= last)
    )
    session.execute(delete(ReportMove).where(of_these).execution_options(synchronize_session=False))
    rows: list[dict[str, Any]] = []
    for row in _moves(session, first, last):
        rows.append(row)
        if len(rows) == _ROWS:
            _write(session, rows)
    _write(session, rows)
    if last is None:
        progress.rebuilding = progress.rebuilt_to = None
    else:
        progress.rebuilt_to = str(last + 1)


def _forget_tallies(session: Session, progress: ReportProgress) -> None:
    progress.tallied_week = None
    for table in (ReportWeek, ReportDay):
        session.execute(delete(table).execution_options(synchronize_session=False))


def _first_day(session: Session, now: datetime.datetime) -> int:
    """The first day that has a move or may get one."""
    first_move: int | None = session.scalar(select(func.min(ReportMove.day)))
    first_line: datetime.datetime | None = session.scalar(select(func.min(StatusChange.at)))
    days = [last_settled_day(now) + 1]
    if first_move is not None:
        days.append(first_move)
    if first_line is not None:
        days.append(day_number((first_line - _FAR).date()))
    return min(days)


def _moves(session: Session, first: int, last: int | None) -> Iterator[dict[str, Any]]:
    """The moves of the days from `first` to `last` (None: no end) from the history, with one batch in memory at a time."""
    zones, cells = _zones(session), cells_of(session, set())
    for line in session.execute(_lines(first, last).execution_options(yield_per=_ROWS)):
        day = day_number(local_day(line.at, zones.get(line.organisation_id, DEFAULT_ZONE)))
        if day < first or (last is not None and day > last):
            continue
        ends = [(*_at(line), status) for status in (line.from_key, line.to_key)]
        if not all(end[1:] in cells for end in ends):
            cells = cells_of(session, set(ends))
        yield {
            "left_cell_id": cells[ends[0][1:]],
            "entered_cell_id": cells[ends[1][1:]],
            "day": day,
            "duration_class": duration_class((line.at - (line.since or line.at)).total_seconds()),
        }


def _lines(first: int, last: int | None) -> Any:
    """The lines of history that change the status, from shortly before the first day to shortly after the last in UTC."""
    line, before = aliased(StatusChange), aliased(StatusChange)
    since = (
        select(before.at)
        .where(
            before.referral_id == line.referral_id,
            before.position < line.position,
            before.from_key.is_distinct_from(before.to_key),
        )
        .order_by(before.position.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        select(*_at(Referral), line.at, line.from_key, line.to_key, since.label("since"))
        .join(Referral, Referral.id == line.referral_id)
        .where(line.from_key != line.to_key, line.at >= _midnight(first) - _FAR)
    )
    return statement if last is None else statement.where(line.at < _midnight(last + 1) + _FAR)


def _midnight(day: int) -> datetime.datetime:
    return datetime.datetime.combine(day_of_number(day), datetime.time(), datetime.UTC)


def _at(of: Any) -> tuple[Any, Any, Any]:
    """The organisation, queue and program of a referral, of a row with these columns, or as columns of the table."""
    return of.organisation_id, of.queue_id, of.program_id


def _zones(session: Session) -> dict[str, str]:
    return dict(session.execute(select(ReportSettings.organisation_id, ReportSettings.time_zone)).all())


def _write(session: Session, rows: list[dict[str, Any]]) -> None:
    if rows:
        session.connection().execute(insert(_MOVES), rows)
        rows.clear()


def main() -> None:
    """Rebuild the reports and print the progress."""
    url = os.environ.get("REFERRALS_DATABASE_URL")
    if not url:
        sys.exit(__doc__)
    database = Database(url)
    started, told_at = time.monotonic(), 0.0

    def tell(line: str) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= _TELL_EVERY_S or line.endswith(("done", "tallied")):
            told_at = time.monotonic()
            sys.stdout.write(f"{told_at - started:7.1f} s  {line}\n")
            sys.stdout.flush()

    rebuild(database, utc_now(), tell)
    database.close()
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"done in {time.monotonic() - started:.0f} s with {memory_mb:.0f} MB\n")


if __name__ == "__main__":
    main()
