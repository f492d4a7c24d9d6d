"""Statistics of a period: volumes, time in status, outcomes, reasons, capacity use (S0-51, S0-53).

A provider's are those of the own programs (S0-1). Percentiles are nearest-rank over classes of duration: within 1 % of
the exact value (see `rules`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Float,
    Select,
    and_,
    cast,
    func,
    literal,
    null,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.referrals.directory.models import Resource
from services.referrals.queues.models import Queue, QueueStatus
from services.referrals.queues.rules import settings_of
from services.referrals.reach import reach_of
from services.referrals.reports.dashboard import among, programs_in_reach
from services.referrals.reports.models import ReportCapacityDay, ReportCell, ReportMove, ReportPlace
from services.referrals.reports.rules import (
    BY_TIME,
    Period,
    check_period,
    duration_of_class,
    label_of_time,
)
from services.referrals.reports.settings import time_zone_of
from services.referrals.reports.suppression import blank_cells

MEDIAN, P90 = 0.5, 0.9
_IN_ALL, _BY_KEY = range(2)
_MANY_GROUPS = ("program", "day")


@dataclass
class Group:
    """The numbers of one group: cells by (measure, code, by), and for each status its percentiles in seconds."""

    cells: dict[tuple[str, str | None, str | None], int] = field(default_factory=dict)
    percentiles: dict[str, tuple[int, int]] = field(default_factory=dict)
    places: tuple[int, int] | None = None


@dataclass(frozen=True)
class Question:
    """What is asked, resolved: the period, the grouping, and the programs whose numbers count (None: all)."""

    organisation_id: str | None
    period: Period
    group_by: str | None
    queue_id: str | None
    programs: tuple[str, ...] | None

    def of_cell(self) -> ColumnElement[bool]:
        """Condition on ReportCell."""
        own = and_(
            ReportCell.organisation_id == self.organisation_id, among(ReportCell.program_id, self.programs)
        )
        return own if self.queue_id is None else and_(own, ReportCell.queue_id == self.queue_id)


def get_statistics(session: Session, caller: Caller | None, request: Any) -> dict[str, Any]:
    """The numbers of a period, in all and a page of groups. Raises Refused `invalid_request`."""
    answer = all_statistics(session, caller, request)
    groups, start = answer["groups"], request["after"]
    end = start + request["limit"]
    return {**answer, "groups": groups[start:end], "next": end if end < len(groups) else None}


def all_statistics(session: Session, caller: Caller | None, request: Any) -> dict[str, Any]:
    """The numbers of a period, in all and of every group. Raises Refused `invalid_request`."""
    question = _question(session, caller, request)
    if session.get_bind().dialect.name == "postgresql":
        # Compiling the plan takes longer than it saves; adding up in memory saves more than it takes.
        session.execute(text("SET LOCAL jit = off"))
        session.execute(text("SET LOCAL work_mem = '96MB'"))
    total, groups = _gather(session, question)
    below = _limit(session, question, request["suppress_below"])
    blank = _blank(total, groups, below) if below else set()
    labels = _labels(session, question.group_by, groups)
    names = _status_labels(session, question)
    return {
        "from_on": request["from_on"],
        "to_on": request["to_on"],
        "time_zone": time_zone_of(session, question.organisation_id),
        "group_by": question.group_by,
        "suppress_below": below,
        "total": _view(None, (None, None), total, blank, names),
        "groups": [
            _view(_mark(key), (key, labels[key]), groups[key], blank, names)
            for key in sorted(groups, key=lambda key: _order(question.group_by, key, labels[key]))
        ],
    }


def _question(session: Session, caller: Caller | None, request: Any) -> Question:
    programs = programs_in_reach(session, reach_of(caller))
    if request["agency_id"] is not None:
        of_agency = set(
            session.scalars(select(Resource.id).where(Resource.agency_id == request["agency_id"]))
        )
        programs = sorted(of_agency if programs is None else of_agency & set(programs))
    if request["program_id"] is not None:
        own = programs is None or request["program_id"] in programs
        programs = [request["program_id"]] if own else []
    return Question(
        caller.organisation_id if caller else None,
        check_period(request["from_on"], request["to_on"], request["group_by"]),
        request["group_by"],
        request["queue_id"],
        None if programs is None else tuple(programs),
    )


def _limit(session: Session, question: Question, asked: int | None) -> int | None:
    """The highest of what was asked for and what the ReferralQs that are counted ask for themselves."""
    queues = select(Queue)
    if question.queue_id is not None:
        queues = queues.where(Queue.id == question.queue_id)
    own = [settings_of(queue).statistics_small_cells or 0 for queue in session.scalars(queues)]
    return max([asked or 0, *own]) or None


def _gather(session: Session, question: Question) -> tuple[Group, dict[Any, Group]]:
    """The numbers in all and by key. Counts in all are the sum of the groups'; percentiles are not, and come by themselves."""
    group_by = question.group_by
    groups: dict[Any, Group] = defaultdict(Group)
    for key, count in _keyed(session, _assigned(question, group_by), group_by):
        groups[key].cells["assigned", None, None] = count[0]
    for key, (outcome, ended_by, reason, count) in _keyed(session, _ended(question, group_by), group_by):
        _add(groups[key].cells, ("ended", None, None), count)
        _add(groups[key].cells, ("outcome", outcome, None), count)
        if ended_by is not None or reason is not None:
            _add(groups[key].cells, ("reason", reason, ended_by), count)
    in_all: dict[str, tuple[int, int]] = {}
    for key, (status, count) in _keyed(session, _entered(question, group_by), group_by):
        groups[key].cells["entered", status, None] = int(count)
    for kind, key, status, count, median, p90 in _left(session, question, group_by):
        times = (duration_of_class(median), duration_of_class(p90))
        if kind == _IN_ALL:
            in_all[status] = times
        if (kind == _BY_KEY) == (group_by not in (None, "status")):
            own = groups[status if group_by == "status" else key]
            own.cells["left", status, None] = int(count)
            own.percentiles[status] = times
    if group_by not in ("queue", "status") and question.queue_id is None:
        for key, (used, places) in _keyed(session, _capacity(question, group_by), group_by):
            groups[key].places = (int(used or 0), int(places or 0))
    total = _sum_of(groups.values(), in_all)
    return total, dict(groups) if group_by else {}


def _keyed(session: Session, statement: Select[Any], group_by: str | None) -> Iterator[tuple[Any, list[Any]]]:
    """Rows with their key apart, None where nothing is grouped by."""
    for row in session.execute(statement):
        yield (row[0], list(row[1:])) if group_by else (None, list(row))


def _sum_of(groups: Iterable[Group], percentiles: dict[str, tuple[int, int]]) -> Group:
    total = Group(percentiles=percentiles)
    for group in groups:
        for cell, count in group.cells.items():
            _add(total.cells, cell, count)
        if group.places:
            used, places = total.places or (0, 0)
            total.places = (used + group.places[0], places + group.places[1])
    return total


def _add(cells: dict[Any, int], key: Any, count: int) -> None:
    cells[key] = cells.get(key, 0) + count


def _group(group_by: str | None, day: Any, month: Any, program_id: Any = ReportCell.program_id) -> list[Any]:
    """What is grouped by, as columns: one, or none."""
    if group_by in BY_TIME:
        return [{"month": month, "week": _week(day), "day": day}[group_by].label("group_key")]
    return [program_id] if group_by == "program" else _keys_of_cell(group_by)


def _keys_of_cell(group_by: str | None) -> list[Any]:
    columns = {
        "queue": ReportCell.queue_id,
        "program": ReportCell.program_id,
        "agency": Resource.agency_id,
        "status": ReportCell.status,
    }
    return [columns[group_by]] if group_by in columns else []


def _time_of(group_by: str | None) -> Any:
    day = ReportMove.day
    return {"month": ReportMove.month, "week": _week(day), "day": day}[group_by or ""]


def _week(day: Any) -> Any:
    return (day + 3) // 7


def _with_agency(statement: Select[Any], group_by: str | None) -> Select[Any]:
    return (
        statement.join(Resource, Resource.id == ReportCell.program_id) if group_by == "agency" else statement
    )


def _assigned(question: Question, group_by: str | None) -> Select[Any]:
    day = ReportPlace.assigned_day
    keys = _group(group_by, day, ReportPlace.assigned_month)
    statement = select(*keys, func.count()).select_from(ReportPlace).join(ReportCell)
    return _within(_with_agency(statement, group_by), question, day).group_by(*keys)


def _ended(question: Question, group_by: str | None) -> Select[Any]:
    day = ReportPlace.ended_day
    keys = _group(group_by, day, ReportPlace.ended_month)
    how = (ReportPlace.outcome_code, ReportPlace.ended_by, ReportPlace.reason_code)
    statement = select(*keys, *how, func.count()).select_from(ReportPlace).join(ReportCell)
    return _within(_with_agency(statement, group_by), question, day).group_by(*keys, *how)


def _entered(question: Question, group_by: str | None) -> Select[Any]:
    """How many stays began, by key and status. Counted by the numbers of the cells first: there are millions of moves."""
    times = [_time_of(group_by)] if group_by in BY_TIME else []
    columns = [ReportMove.entered_cell_id, *(time.label("group_key") for time in times)]
    counted = (
        select(*columns, func.count().label("number"))
        .where(ReportMove.day.between(question.period.first, question.period.last))
        .group_by(ReportMove.entered_cell_id, *times)
        .subquery()
        .c
    )
    keys = [counted.group_key] if times else _keys_of_cell(group_by)
    statement = (
        select(*keys, ReportCell.status, func.sum(counted.number))
        .select_from(ReportCell)
        .join_from(ReportCell, counted.number.table, counted.entered_cell_id == ReportCell.id)
        .where(question.of_cell())
    )
    return _with_agency(statement, group_by).group_by(*keys, ReportCell.status)


def _left(session: Session, question: Question, group_by: str | None) -> Iterator[Any]:
    """How many stays ended, with median and 90th percentile as classes of duration: (kind, key, status, …).

    By key for _BY_KEY, without one for _IN_ALL. Few groups are added up by class; where there are so many that hardly
    two stays share one, PostgreSQL is quicker when it sorts.
    """
    if group_by in _MANY_GROUPS and session.get_bind().dialect.name == "postgresql":
        for key, status, count, (median, p90) in session.execute(_sorted_stays(question, group_by)):
            yield _BY_KEY, key, status, count, median, p90
        group_by = None
    yield from session.execute(_classed_stays(question, group_by))


def _classed_stays(question: Question, group_by: str | None) -> Any:
    """The rows of `_left`: the stays added up by class of duration, then the classes in their order."""
    keys = [] if group_by in (None, "status") else _group(group_by, ReportMove.day, ReportMove.month)
    columns = [*(key.label("group_key") for key in keys), ReportCell.status.label("status")]
    counted = (
        _within(
            _with_agency(_stays(*columns, ReportMove.duration_class, func.count().label("number")), group_by),
            question,
        )
        .group_by(*keys, ReportCell.status, ReportMove.duration_class)
        .cte("counted")
        .c
    )
    in_all = _percentiles([counted.status], counted)
    parts = [select(literal(_IN_ALL), null(), in_all.status, in_all.total, in_all.median, in_all.p90)]
    if keys:
        own = _percentiles([counted.group_key, counted.status], counted)
        parts.append(select(literal(_BY_KEY), own.group_key, own.status, own.total, own.median, own.p90))
    return union_all(*parts)


def _sorted_stays(question: Question, group_by: str | None) -> Select[Any]:
    """Rows of (key, status, count, [median, 90th percentile]), by the number of key and status: text sorts slowly."""
    keys = [] if group_by in BY_TIME else _keys_of_cell(group_by)
    rank = func.dense_rank().over(order_by=[*keys, ReportCell.status]).label("rank")
    names = [key.label("group_key") for key in keys]
    cells = select(ReportCell.id, *names, ReportCell.status.label("status"), rank).where(question.of_cell())
    cell = _with_agency(cells, group_by).cte("cells").c
    times = [] if keys else [_time_of(group_by).label("group_key")]
    shares = cast([MEDIAN, P90], ARRAY(Float))
    at = func.percentile_disc(shares).within_group(ReportMove.duration_class).label("at")
    stays = (
        select(*times, cell.rank, func.count().label("number"), at)
        .select_from(ReportMove)
        .join(cell.id.table, cell.id == ReportMove.left_cell_id)
        .where(ReportMove.day.between(question.period.first, question.period.last))
        .group_by(*times, cell.rank)
        .subquery()
        .c
    )
    named = select(cell.rank, cell.status, *([cell.group_key] if keys else [])).distinct().subquery().c
    key = named.group_key if keys else stays.group_key
    return (
        select(key, named.status, stays.number, stays.at)
        .select_from(stays.rank.table)
        .join(named.rank.table, named.rank == stays.rank)
    )


def _stays(*columns: Any) -> Select[Any]:
    return select(*columns).select_from(ReportMove).join(ReportCell, ReportCell.id == ReportMove.left_cell_id)


def _percentiles(part: list[Any], counted: Any) -> Any:
    """Columns of `part`, and the total, median and 90th percentile of each, of counts by class of duration."""
    number = func.sum(counted.number)
    summed = (
        select(*part, counted.duration_class, number.label("number"))
        .group_by(*part, counted.duration_class)
        .subquery()
        .c
    )
    own = [summed[column.name] for column in part]
    so_far = func.sum(summed.number).over(partition_by=own, order_by=summed.duration_class)
    in_all = func.sum(summed.number).over(partition_by=own)
    ranked = select(*own, summed.duration_class, so_far.label("so_far"), in_all.label("in_all")).subquery().c

    def at(share: float) -> Any:
        return func.min(ranked.duration_class).filter(ranked.so_far >= share * ranked.in_all)

    groups = [ranked[column.name] for column in part]
    sums = (func.max(ranked.in_all).label("total"), at(MEDIAN).label("median"), at(P90).label("p90"))
    return select(*groups, *sums).group_by(*groups).subquery().c


def _capacity(question: Question, group_by: str | None) -> Select[Any]:
    day = ReportCapacityDay.day
    keys = _group(group_by, day, ReportCapacityDay.month, ReportCapacityDay.program_id)
    sums = (func.sum(ReportCapacityDay.used_sum), func.sum(ReportCapacityDay.total_sum))
    return (
        select(*keys, *sums)
        .select_from(ReportCapacityDay)
        .join(Resource, Resource.id == ReportCapacityDay.program_id)
        .where(
            ReportCapacityDay.organisation_id == question.organisation_id,
            among(ReportCapacityDay.program_id, question.programs),
            day.between(question.period.first, question.period.last),
        )
        .group_by(*keys)
    )


def _within(statement: Select[Any], question: Question, day: Any = ReportMove.day) -> Select[Any]:
    return statement.where(question.of_cell(), day.between(question.period.first, question.period.last))


def _blank(total: Group, groups: Mapping[Any, Group], below: int) -> set[Any]:
    """The cells that stay blank: of the total (under the key None) and of each group."""
    everything = {(None, cell): count for cell, count in total.cells.items()}
    everything |= {
        (_mark(key), cell): count for key, group in groups.items() for cell, count in group.cells.items()
    }
    sums = []
    if groups:
        for cell in total.cells:
            parts = [(_mark(key), cell) for key, group in groups.items() if cell in group.cells]
            sums.append(((None, cell), parts))
    for key, group in [(None, total), *((_mark(key), group) for key, group in groups.items())]:
        outcomes = [(key, cell) for cell in group.cells if cell[0] == "outcome"]
        if outcomes:
            sums.append(((key, ("ended", None, None)), outcomes))
    return blank_cells(everything, sums, below)


def _mark(key: Any) -> tuple[Any]:
    """A group's key apart from the total's, which is None: an agency may be missing, too."""
    return (key,)


def _labels(session: Session, group_by: str | None, groups: Iterable[Any]) -> dict[Any, str | None]:
    keys = list(groups)
    if group_by in BY_TIME:
        return {key: label_of_time(group_by or "", key) for key in keys}
    if group_by == "queue":
        found = session.execute(select(Queue.id, Queue.name).where(Queue.id.in_(keys)))
    elif group_by in ("program", "agency"):
        found = session.execute(select(Resource.id, Resource.name).where(Resource.id.in_(keys)))
    else:
        return {key: key for key in keys}
    return dict.fromkeys(keys) | dict(found.all())


def _order(group_by: str | None, key: Any, label: str | None) -> tuple[Any, ...]:
    return (key,) if group_by in BY_TIME else ((label or "").casefold(), str(key))


def _status_labels(session: Session, question: Question) -> dict[str, str]:
    """What the statuses are called; where ReferralQs call one differently, the first in the alphabet."""
    statement = select(QueueStatus.key, func.min(QueueStatus.label)).group_by(QueueStatus.key)
    if question.queue_id is not None:
        statement = statement.where(QueueStatus.queue_id == question.queue_id)
    return dict(session.execute(statement).all())


def _view(
    mark: Any, named: tuple[Any, str | None], group: Group, blank: set[Any], names: Mapping[str, str]
) -> dict[str, Any]:
    """One group as the contract shows it; `mark` is its key in `blank`."""
    key, label = named

    def shown(*cell: str | None) -> int | None:
        return None if (mark, cell) in blank else group.cells.get(cell, 0)  # type: ignore[arg-type]

    statuses = sorted({code for measure, code, _ in group.cells if measure in ("entered", "left") and code})
    used, places = group.places or (0, 0)
    return {
        "key": None if key is None else str(key),
        "label": label,
        "assigned": shown("assigned", None, None),
        "ended": shown("ended", None, None),
        "statuses": [
            {
                "status": status,
                "label": names.get(status),
                "entered": shown("entered", status, None),
                "left": shown("left", status, None),
                **_times(group, status, shown("left", status, None)),
            }
            for status in statuses
        ],
        "outcomes": [
            {"code": code, "count": shown("outcome", code, None)}
            for measure, code, _ in sorted(group.cells, key=str)
            if measure == "outcome"
        ],
        "reasons": [
            {"code": code, "ended_by": by, "count": shown("reason", code, by)}
            for measure, code, by in sorted(group.cells, key=str)
            if measure == "reason"
        ],
        "capacity_use": round(used / places, 4) if places else None,
    }


def _times(group: Group, status: str, left: int | None) -> dict[str, int | None]:
    median, p90 = group.percentiles.get(status, (None, None))
    return {"median_s": median, "p90_s": p90} if left else {"median_s": None, "p90_s": None}
