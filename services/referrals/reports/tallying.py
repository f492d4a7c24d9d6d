"""Tallies: the moves of whole weeks added up, so that statistics of a year need not read each move.

A week is tallied when its days are settled, that is, when no more moves are added to it. Its moves stay stored.
`ReportProgress.tallied_week` is the last week for which a reader may use tallies. Several replicas may tally at once; the
first to commit wins.
"""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import eventlet.tpool
from sqlalchemy import Table, func, insert, select
from sqlalchemy.orm import Session

from services.chassis.database import Database
from services.referrals.reports.histograms import histogram_of, packed, unpacked
from services.referrals.reports.models import (
    ReportCell,
    ReportDay,
    ReportMove,
    ReportProgress,
    ReportWeek,
)
from services.referrals.reports.rules import days_of_week, last_closed_week, week_number

_BATCH = 5_000
# SQLAlchemy declares `__table__` as a FromClause, which is wider.
_WEEKS, _DAYS = cast("Table", ReportWeek.__table__), cast("Table", ReportDay.__table__)


@dataclass
class Week:
    """The moves of a week as they are read: classes of duration and counts, by cell and by (organisation, day, status)."""

    number: int
    left: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    entered: Counter[int] = field(default_factory=Counter)
    left_on: dict[tuple[str, int, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    entered_on: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    before: dict[int, tuple[int, bytes]] = field(default_factory=dict)


def tally_all(database: Database, now: datetime.datetime) -> int:
    """Tally every settled week that has not been tallied yet, and return their number."""
    count = 0
    while _tally_next(database, now):
        count += 1
    return count


def _tally_next(database: Database, now: datetime.datetime) -> bool:
    with database.reading(None) as session:
        number = _next_week(session, now)
        if number is None:
            return False
        week = _read(session, number)
    weeks, days = eventlet.tpool.execute(_rows_of, week)
    return database.write(None, lambda session: _keep(session, number, weeks, days))


def _next_week(session: Session, now: datetime.datetime) -> int | None:
    """The week to tally next, None if there is none or the moves are being rebuilt."""
    progress = session.get_one(ReportProgress, 1)
    if progress.rebuilding is not None:
        return None
    number = progress.tallied_week
    if number is None:
        first = session.scalar(select(func.min(ReportMove.day)))
        if first is None:
            return None
        number = week_number(first) - 1
    return number + 1 if number < last_closed_week(now) else None


def _read(session: Session, number: int) -> Week:
    week = Week(number)
    cells = {
        cell_id: (organisation_id, status)
        for cell_id, organisation_id, status in session.execute(
            select(ReportCell.id, ReportCell.organisation_id, ReportCell.status)
        )
    }
    columns = (
        ReportMove.left_cell_id,
        ReportMove.entered_cell_id,
        ReportMove.day,
        ReportMove.duration_class,
    )
    moves = select(*columns).where(ReportMove.day.between(*days_of_week(number)))
    for left, entered, day, duration_class in session.execute(moves.execution_options(yield_per=_BATCH)):
        week.left[left].append(duration_class)
        week.entered[entered] += 1
        organisation_id, status = cells[left]
        week.left_on[organisation_id, day, status].append(duration_class)
        week.entered_on[organisation_id, day, cells[entered][1]] += 1
    week.before = _before(session, number, sorted({*week.left, *week.entered}))
    return week


def _before(session: Session, number: int, cell_ids: list[int]) -> dict[int, tuple[int, bytes]]:
    """The latest tallies of these cells before this week."""
    found: dict[int, tuple[int, bytes]] = {}
    newest = latest_week(ReportWeek.cell_id, number - 1)
    for start in range(0, len(cell_ids), _BATCH):
        rows = select(ReportWeek.cell_id, ReportWeek.entered, ReportWeek.left_classes).where(
            ReportWeek.cell_id.in_(cell_ids[start : start + _BATCH]), ReportWeek.week == newest
        )
        found.update({cell_id: (entered, left) for cell_id, entered, left in session.execute(rows)})
    return found


def latest_week(cell_id: Any, number: int) -> Any:
    """The latest week with a tally of a cell, up to week `number`, to be compared with ReportWeek.week."""
    inner = ReportWeek.__table__.alias("inner_weeks")
    return (
        select(func.max(inner.c.week))
        .where(inner.c.cell_id == cell_id, inner.c.week <= number)
        .scalar_subquery()
    )


def _rows_of(week: Week) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of a week: those of its cells, which include all moves before, and those of its days."""
    weeks = []
    for cell_id in sorted({*week.left, *week.entered}):
        entered, left = week.before.get(cell_id, (0, b""))
        so_far = unpacked(left) if left else 0
        weeks.append(
            {
                "cell_id": cell_id,
                "week": week.number,
                "entered": entered + week.entered[cell_id],
                "left_classes": packed(so_far + histogram_of(week.left.get(cell_id, ()))),
            }
        )
    days = [
        {
            "organisation_id": organisation_id,
            "day": day,
            "status": status,
            "entered": week.entered_on[organisation_id, day, status],
            "left_classes": packed(histogram_of(week.left_on.get((organisation_id, day, status), ()))),
        }
        for organisation_id, day, status in sorted({*week.left_on, *week.entered_on})
    ]
    return weeks, days


def _keep(
    session: Session, number: int, weeks: Iterable[dict[str, Any]], days: Iterable[dict[str, Any]]
) -> bool:
    """Write a week's rows, unless another replica has, or a rebuilding has begun. Returns whether they were written."""
    progress = session.get_one(ReportProgress, 1, with_for_update=True)
    was_first = progress.tallied_week is None or progress.tallied_week == number - 1
    if progress.rebuilding is not None or not was_first:
        return False
    for table, rows in ((_WEEKS, list(weeks)), (_DAYS, list(days))):
        if rows:
            session.connection().execute(insert(table), rows)
    progress.tallied_week = number
    return True
