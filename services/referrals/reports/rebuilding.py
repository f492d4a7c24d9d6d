"""Computing the reports again from the referrals and their history: after a change of time zone, or to check them.

What comes out is what was kept along the way (a test says so). How full the programs were was only ever sampled, so those
days stay as they are.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from sqlalchemy import case, delete, func, insert, select, text
from sqlalchemy.orm import Session

from services.referrals.assignments.models import Referral, StatusChange
from services.referrals.reports.facts import cell_id_of, facts_of
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

    Changes wait until it is committed, so it is work for a quiet hour: about a minute for a million referrals.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Whoever has a change under way ends it first; then nobody begins one until the new numbers stand.
        session.execute(text("SET LOCAL lock_timeout = 0"))
        session.execute(text("SET LOCAL statement_timeout = 0"))
        session.execute(text("LOCK TABLE report_places, report_deltas IN EXCLUSIVE MODE"))
    for table in _KEPT:
        session.execute(delete(table).execution_options(synchronize_session=False))
    zones = dict(session.execute(select(ReportSettings.organisation_id, ReportSettings.time_zone)).all())
    cells = {
        (row.queue_id, row.program_id, row.status): row.id for row in session.scalars(select(ReportCell))
    }
    count, rows = 0, _Rows(session)
    for _, lines in groupby(_history(session), key=lambda row: row[0].id):
        count += 1
        _note(session, rows, cells, zones, list(lines))
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
                self._session.execute(insert(table), rows)
                rows.clear()


def _history(session: Session) -> Iterable[Any]:
    """Referrals with the lines of their history that say another status, in their order."""
    statement = (
        select(Referral, StatusChange.at, StatusChange.from_key, StatusChange.to_key)
        .join(StatusChange, StatusChange.referral_id == Referral.id)
        .where(StatusChange.from_key.is_distinct_from(StatusChange.to_key))
        .order_by(Referral.id, StatusChange.position)
    )
    for batch in session.execute(statement.execution_options(yield_per=_BATCH)).partitions():
        yield from batch
        # A million referrals do not stay in memory.
        session.expunge_all()


def _note(
    session: Session, rows: _Rows, cells: dict[Any, int], zones: dict[str, str], lines: list[Any]
) -> None:
    referral: Referral = lines[0][0]
    zone = zones.get(referral.organisation_id, DEFAULT_ZONE)
    since: datetime.datetime = lines[0][1]
    for _, at, from_key, to_key in lines:
        if from_key is None:
            continue
        on = local_day(at, zone)
        rows.moves.append(
            {
                "left_cell_id": _cell(session, cells, referral, from_key),
                "entered_cell_id": _cell(session, cells, referral, to_key),
                "day": day_number(on),
                "month": month_number(on),
                "duration_class": duration_class((at - since).total_seconds()),
            }
        )
        since = at
    place = {"referral_id": referral.id, "cell_id": _cell(session, cells, referral, referral.status)}
    rows.places.append({**place, "since": since, **facts_of(referral, zone)})
    rows.write_if_many()


def _cell(session: Session, cells: dict[Any, int], referral: Referral, status: str) -> int:
    key = (referral.queue_id, referral.program_id, status)
    if key not in cells:
        cells[key] = cell_id_of(session, referral, status)
    return cells[key]


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
