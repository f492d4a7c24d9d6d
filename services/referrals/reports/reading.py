"""The queries of statistics: sums by cell or by day in one snapshot of the database, from tallies where there are any.

All computing happens afterwards, outside the transaction (see `statistics`).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, literal, not_, select, text
from sqlalchemy.orm import Session, aliased

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.referrals.access.access_scope import access_scope_of
from services.referrals.calendar.queries import time_zone_of, today_of
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import is_of_agency
from services.referrals.queues.models import Queue, QueueStatus
from services.referrals.queues.rules import settings_of
from services.referrals.reports.dashboard import among, programs_in_reach
from services.referrals.reports.models import (
    ReportCapacityDay,
    ReportCell,
    ReportDay,
    ReportMove,
    ReportPlace,
    ReportProgress,
    ReportWeek,
)
from services.referrals.reports.rules import (
    BY_TIME,
    Period,
    check_period,
    days_of_week,
    number_of_time,
    week_number,
)
from services.referrals.reports.tallying import latest_week

# The days of a period whose first day is not given.
DAYS = 30

Rows = Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class Question:
    """A resolved question: the period, the grouping, and the programs whose numbers count (None: all)."""

    organisation_id: str | None
    period: Period
    group_by: str | None
    queue_id: str | None
    programs: tuple[str, ...] | None

    @property
    def is_by_time(self) -> bool:
        """Whether the groups are months, weeks or days."""
        return self.group_by in BY_TIME

    def of_cell(self) -> ColumnElement[bool]:
        """Condition: a ReportCell whose numbers count."""
        own = and_(
            ReportCell.organisation_id == self.organisation_id, among(ReportCell.program_id, self.programs)
        )
        return own if self.queue_id is None else and_(own, ReportCell.queue_id == self.queue_id)


@dataclass(frozen=True)
class Moves:
    """Moves that were read together: how many entered a status, and how long those that left one had stayed.

    With `sign` -1 they are subtracted. The durations are stored histograms (`left` minus `left_before`), or classes of
    duration separated by commas.
    """

    entered_key: Any
    entered_status: str
    left_key: Any
    left_status: str
    entered: int
    left: bytes | None = None
    left_before: bytes | None = None
    classes: str | None = None
    sign: int = 1


@dataclass
class Found:
    """Everything that was read for a question. Keys are the keys of its groups."""

    question: Question
    from_on: datetime.date
    to_on: datetime.date
    time_zone: str
    below: int | None
    assigned: list[tuple[Any, int]] = field(default_factory=list)
    ended: list[tuple[Any, str | None, str | None, str | None, int]] = field(default_factory=list)
    moves: list[Moves] = field(default_factory=list)
    places: list[tuple[Any, str, int, int]] = field(default_factory=list)
    labels: dict[Any, str] = field(default_factory=dict)
    status_labels: dict[str, str] = field(default_factory=dict)


def read(
    session: Session,
    caller: Caller | None,
    *,
    from_on: datetime.date | None,
    to_on: datetime.date | None,
    group_by: str | None,
    queue_id: str | None,
    agency_id: str | None,
    program_id: str | None,
    suppress_below: int | None,
) -> Found:
    """Read the numbers of a period, or else of the last 30 days. Raises Refused `invalid_request`. The session must be unused."""
    if session.get_bind().dialect.name == "postgresql":
        # One snapshot for all statements: a move that is tallied between two of them is still counted exactly once.
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        # JIT compilation of these statements takes longer than it saves.
        session.execute(text("SET LOCAL jit = off"))
    last = to_on or today_of(session, utc_now())
    first = from_on or datetime.date.fromordinal(max(1, last.toordinal() - DAYS + 1))
    question = Question(
        caller.organisation_id if caller else None,
        check_period(first, last, group_by),
        group_by,
        queue_id,
        _programs(session, caller, agency_id=agency_id, program_id=program_id),
    )
    found = Found(
        question,
        first,
        last,
        time_zone_of(session, question.organisation_id),
        _limit(session, question, suppress_below),
    )
    cells = {cell_id: (key, status) for cell_id, key, status in session.execute(_cells(question))}

    def key_of(number: int) -> Any:
        return number_of_time(question.group_by or "", number) if question.is_by_time else cells[number][0]

    for number, count in session.execute(_assigned(question)):
        found.assigned.append((key_of(number), count))
    for number, *how, count in session.execute(_ended(question)):
        found.ended.append((key_of(number), *how, count))
    found.moves.extend(
        _moves_by_time(session, question) if question.is_by_time else _moves_by_cell(session, question, cells)
    )
    if question.group_by not in ("queue", "status") and question.queue_id is None:
        for number, unit, used, places in session.execute(_capacity(question)):
            key = key_of(number) if question.is_by_time else number
            found.places.append((key, unit, int(used), int(places)))
    found.labels = _labels(session, found)
    found.status_labels = _status_labels(session, question)
    return found


def _programs(
    session: Session, caller: Caller | None, *, agency_id: str | None, program_id: str | None
) -> tuple[str, ...] | None:
    """The programs of the agency, or the one program, as far as the caller sees them; None for all programs."""
    programs = programs_in_reach(session, access_scope_of(caller))
    if agency_id is not None:
        of_agency = set(session.scalars(select(Resource.id).where(is_of_agency(agency_id))))
        programs = sorted(of_agency if programs is None else of_agency & set(programs))
    if program_id is not None:
        programs = [program_id] if programs is None or program_id in programs else []
    return None if programs is None else tuple(programs)


def _limit(session: Session, question: Question, asked: int | None) -> int | None:
    """The highest limit for small cells: the caller's, or that of a ReferralQ that is counted; None without any."""
    queues = select(Queue)
    if question.queue_id is not None:
        queues = queues.where(Queue.id == question.queue_id)
    own = [settings_of(queue).statistics_small_cells or 0 for queue in session.scalars(queues)]
    return max([asked or 0, *own]) or None


def _cells(question: Question) -> Rows:
    """Rows of (cell, key of its group, status), for the cells that count."""
    key: Any = {
        "queue": ReportCell.queue_id,
        "program": ReportCell.program_id,
        "agency": Resource.own_agency_id,
        "status": ReportCell.status,
    }.get(question.group_by or "", literal(None))
    statement = select(ReportCell.id, key, ReportCell.status).where(question.of_cell())
    if question.group_by == "agency":
        statement = statement.join(Resource, Resource.id == ReportCell.program_id)
    return statement


def _assigned(question: Question) -> Rows:
    """Rows of (cell or day, count)."""
    day = ReportPlace.assigned_day
    key = day if question.is_by_time else ReportPlace.cell_id
    return _of_places(question, select(key, func.count()), day).group_by(key)


def _ended(question: Question) -> Rows:
    """Rows of (cell or day, outcome, ended by, reason, count)."""
    day = ReportPlace.ended_day
    key = day if question.is_by_time else ReportPlace.cell_id
    how = (ReportPlace.outcome_code, ReportPlace.ended_by, ReportPlace.reason_code)
    return _of_places(question, select(key, *how, func.count()), day).group_by(key, *how)


def _of_places(question: Question, statement: Rows, day: Any) -> Rows:
    period = question.period
    return (
        statement.select_from(ReportPlace)
        .join(ReportCell, ReportCell.id == ReportPlace.cell_id)
        .where(question.of_cell(), day.between(period.first, period.last))
    )


def _moves_by_cell(
    session: Session, question: Question, cells: dict[int, tuple[Any, str]]
) -> Iterator[Moves]:
    """The tallies of whole weeks, then single moves: those of the days before the period (subtracted) and after the weeks.

    Where no week that ends in the period is tallied, all moves of the period are read singly.
    """
    period = question.period
    tallied = session.get_one(ReportProgress, 1).tallied_week
    # Tallies add up all weeks so far. `first` ends before the period, `last` ends on its last day or earlier.
    first = week_number(period.first) - 1
    last = min(week_number(period.last + 1) - 1, tallied if tallied is not None else first)
    if last <= first:
        yield from _single(session, question, cells, period.first, period.last)
        return
    for cell_id, entered, left, before in session.execute(_of_weeks(question, first, last)):
        yield Moves(*cells[cell_id], *cells[cell_id], entered, left, before)
    yield from _single(session, question, cells, days_of_week(first)[1] + 1, period.first - 1, sign=-1)
    yield from _single(session, question, cells, days_of_week(last)[1] + 1, period.last)


def _of_weeks(question: Question, first: int, last: int) -> Rows:
    """Rows of (cell, entered, histogram to the end of `last`, histogram to the end of `first`)."""
    end, start = aliased(ReportWeek), aliased(ReportWeek)
    return (
        select(
            ReportCell.id,
            end.entered - func.coalesce(start.entered, 0),
            end.left_classes,
            start.left_classes,
        )
        .select_from(ReportCell)
        .join(end, and_(end.cell_id == ReportCell.id, end.week == latest_week(ReportCell.id, last)))
        .outerjoin(
            start, and_(start.cell_id == ReportCell.id, start.week == latest_week(ReportCell.id, first))
        )
        .where(question.of_cell(), end.week > first)
    )


def _single(
    session: Session,
    question: Question,
    cells: dict[int, tuple[Any, str]],
    first: int,
    last: int,
    *,
    sign: int = 1,
) -> Iterator[Moves]:
    """Moves of the days from `first` to `last`, read from their own rows."""
    if last < first:
        return
    ways = (ReportMove.left_cell_id, ReportMove.entered_cell_id)
    for left, entered, count, classes in session.execute(_of_days(question, ways, first, last)):
        yield Moves(*cells[entered], *cells[left], count, classes=classes, sign=sign)


def _of_days(question: Question, ways: Sequence[Any], first: int, last: int) -> Rows:
    """Rows of (…ways, count, classes of duration separated by commas).

    Only the cell that was left is checked: a referral keeps its queue and program, so both cells of a move have the same.
    """
    classes = func.aggregate_strings(cast(ReportMove.duration_class, String), ",")
    return (
        select(*ways, func.count(), classes)
        .select_from(ReportMove)
        .join(ReportCell, ReportCell.id == ReportMove.left_cell_id)
        .where(question.of_cell(), ReportMove.day.between(first, last))
        .group_by(*ways)
    )


def _moves_by_time(session: Session, question: Question) -> Iterator[Moves]:
    """The tallies of days if all cells of the organisation count, and single moves for all other days."""
    first, last = question.period.first, question.period.last
    tallied = session.get_one(ReportProgress, 1).tallied_week
    by = question.group_by or ""
    if tallied is not None and _is_everything(session, question):
        up_to = min(last, days_of_week(tallied)[1])
        columns = (ReportDay.day, ReportDay.status, ReportDay.entered, ReportDay.left_classes)
        tallies = select(*columns).where(
            ReportDay.organisation_id == question.organisation_id, ReportDay.day.between(first, up_to)
        )
        for day, status, entered, left in session.execute(tallies):
            key = number_of_time(by, day)
            yield Moves(key, status, key, status, entered, left)
        first = max(first, up_to + 1)
    if first > last:
        return
    target = aliased(ReportCell)
    ways = (ReportMove.day, ReportCell.status, target.status)
    singles = _of_days(question, ways, first, last).join(target, target.id == ReportMove.entered_cell_id)
    for day, left_status, entered_status, count, classes in session.execute(singles):
        key = number_of_time(by, day)
        yield Moves(key, entered_status, key, left_status, count, classes=classes)


def _is_everything(session: Session, question: Question) -> bool:
    """Whether all cells of the organisation count. A filter may exclude none, such as one by the only ReferralQ."""
    if question.queue_id is None and question.programs is None:
        return True
    left_out = select(ReportCell.id).where(
        ReportCell.organisation_id == question.organisation_id, not_(question.of_cell())
    )
    return session.scalar(left_out.limit(1)) is None


def _capacity(question: Question) -> Rows:
    """Rows of (key or day, unit, places used, places), each the sum over the samples."""
    key: Any = {"program": ReportCapacityDay.program_id, "agency": Resource.own_agency_id}.get(
        question.group_by or "", ReportCapacityDay.day if question.is_by_time else None
    )
    keys = [ReportCapacityDay.unit] if key is None else [key, ReportCapacityDay.unit]
    sums = (func.sum(ReportCapacityDay.used_sum), func.sum(ReportCapacityDay.total_sum))
    statement = (
        select(literal(None) if key is None else key, ReportCapacityDay.unit, *sums)
        .select_from(ReportCapacityDay)
        .join(Resource, Resource.id == ReportCapacityDay.program_id)
        .where(
            ReportCapacityDay.organisation_id == question.organisation_id,
            among(ReportCapacityDay.program_id, question.programs),
            ReportCapacityDay.day.between(question.period.first, question.period.last),
        )
    )
    return statement.group_by(*keys)


def _labels(session: Session, found: Found) -> dict[Any, str]:
    """Names of the queues, programs or agencies that have numbers, by id."""
    table: Any = {"queue": Queue, "program": Resource, "agency": Resource}.get(found.question.group_by or "")
    if table is None:
        return {}
    keys = {row[0] for rows in (found.assigned, found.ended, found.places) for row in rows}
    keys |= {key for moves in found.moves for key in (moves.entered_key, moves.left_key)}
    return dict(session.execute(select(table.id, table.name).where(table.id.in_(keys))).all())


def _status_labels(session: Session, question: Question) -> dict[str, str]:
    """The labels of the statuses by key. Where ReferralQs differ, it is the first label in the alphabet."""
    statement = select(QueueStatus.key, func.min(QueueStatus.label)).group_by(QueueStatus.key)
    if question.queue_id is not None:
        statement = statement.where(QueueStatus.queue_id == question.queue_id)
    return dict(session.execute(statement).all())
