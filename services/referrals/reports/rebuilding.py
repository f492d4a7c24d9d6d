"""Computing the reports again from the referrals and their history: after a change of time zone, or to check them.

What comes out is what was kept along the way (a test says so). How full the programs were was only ever sampled, so those
days stay as they are.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from sqlalchemy import case, delete, func, insert, select, text, tuple_, union
from sqlalchemy.orm import Session

from services.referrals.assignments.models import Referral, StatusChange
from services.referrals.reports.facts import facts_of
from services.referrals.reports.models import (
    ReportCell,
    ReportCount,
    ReportDelta,
    ReportMove,
    ReportPlace,
    ReportSettings,
)
from services.referrals.reports.rules import (
    DEFAULT_ZONE,
    day_number,
    duration_class,
    local_day,
    month_number,
)

_BATCH = 5_000
_KEPT = (ReportDelta, ReportCount, ReportMove, ReportPlace)


def rebuild(session: Session) -> int:
    """Replace the reports of all organisations by what the history says; how many referrals there are.

    Changes wait until it is committed, so it is work for a quiet hour: minutes for a million referrals.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Whoever has a change under way ends it first; then nobody begins one until the new numbers stand.
        session.execute(text("SET LOCAL lock_timeout = 0"))
        session.execute(text("SET LOCAL statement_timeout = 0"))
        session.execute(text("LOCK TABLE report_places, report_deltas IN EXCLUSIVE MODE"))
    for table in _KEPT:
        session.execute(delete(table).execution_options(synchronize_session=False))
    zones = dict(session.execute(select(ReportSettings.organisation_id, ReportSettings.time_zone)).all())
    _make_cells(session)
    cells = {
        (row.queue_id, row.program_id, row.status): row.id for row in session.scalars(select(ReportCell))
    }
    count, rows = 0, _Rows(session)
    for _, lines in groupby(_history(session), key=lambda row: row.id):
        count += 1
        _note(rows, cells, zones, list(lines))
    rows.write()
    _count_places(session)
    return count


class _Rows:
    """Rows on their way into the tables, a batch at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.places: list[dict[str, Any]] = []
        self.moves: list[dict[str, Any]] = []

    def write_if_many(self) -> None:
        if len(self.places) + len(self.moves) >= _BATCH:
            self.write()

    def write(self) -> None:
        for table, rows in ((ReportPlace, self.places), (ReportMove, self.moves)):
            if rows:
                # Not by the ORM: it begins a statement anew at each row that has other members empty.
                self._session.connection().execute(insert(table.__table__), rows)
                rows.clear()


_MEMBERS = (
    "id",
    "organisation_id",
    "queue_id",
    "program_id",
    "status",
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


def _history(session: Session) -> Iterable[Any]:
    """Referrals with the lines of their history that say another status, in their order; a batch in memory at a time."""
    statement = (
        select(
            *(getattr(Referral, name) for name in _MEMBERS),
            StatusChange.at,
            StatusChange.from_key,
            StatusChange.to_key,
        )
        .join(StatusChange, StatusChange.referral_id == Referral.id)
        .where(StatusChange.from_key.is_distinct_from(StatusChange.to_key))
        .order_by(Referral.id, StatusChange.position)
    )
    return session.execute(statement.execution_options(yield_per=_BATCH))


def _make_cells(session: Session) -> None:
    """A cell for every status that a referral has or had at its program and queue."""
    place = (Referral.organisation_id, Referral.queue_id, Referral.program_id)
    history = select(*place).join(StatusChange, StatusChange.referral_id == Referral.id)
    every = union(
        select(*place, Referral.status),
        history.add_columns(StatusChange.to_key),
        history.add_columns(StatusChange.from_key).where(StatusChange.from_key.is_not(None)),
    ).subquery()
    known = (ReportCell.queue_id, ReportCell.program_id, ReportCell.status)
    missing = select(every).where(tuple_(*list(every.c)[1:]).not_in(select(*known)))
    columns = ("organisation_id", "queue_id", "program_id", "status")
    session.execute(insert(ReportCell).from_select(columns, missing))


def _note(rows: _Rows, cells: dict[Any, int], zones: dict[str, str], lines: list[Any]) -> None:
    referral = lines[0]
    at_program = (referral.queue_id, referral.program_id)
    zone = zones.get(referral.organisation_id, DEFAULT_ZONE)
    since: datetime.datetime = referral.at
    for line in lines:
        if line.from_key is None:
            continue
        on = local_day(line.at, zone)
        rows.moves.append(
            {
                "left_cell_id": cells[*at_program, line.from_key],
                "entered_cell_id": cells[*at_program, line.to_key],
                "day": day_number(on),
                "month": month_number(on),
                "duration_class": duration_class((line.at - since).total_seconds()),
            }
        )
        since = line.at
    place = {"referral_id": referral.id, "cell_id": cells[*at_program, referral.status]}
    rows.places.append({**place, "since": since, **facts_of(referral, zone)})
    rows.write_if_many()


def _count_places(session: Session) -> None:
    def number(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0))

    sums = select(
        ReportPlace.cell_id,
        func.count(),
        number(ReportPlace.ended_day.is_(None)),
        number(ReportPlace.is_waiting),
        number(ReportPlace.is_urgent),
    ).group_by(ReportPlace.cell_id)
    columns = ("cell_id", "total", "open", "waiting", "urgent")
    session.execute(insert(ReportCount).from_select(columns, sums))
