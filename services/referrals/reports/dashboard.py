"""The dashboard: how many referrals stand at each status now, beside the capacity of the programs (S0-50).

Counts are sums of stored counters, so they cost the same with ten thousand referrals as with a million. Staff and providers
ask the same queries; a provider gets the numbers of its own programs (S0-1).
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_, union, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.referrals import models
from services.referrals.access.access_scope import AccessScope, access_scope_of
from services.referrals.calendar.queries import today_of
from services.referrals.capacity.models import Line, Term
from services.referrals.capacity.places import lines_of_programs
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import is_of_agency
from services.referrals.models import QueueProgram, Referral
from services.referrals.queues.models import Queue, QueueStatus
from services.referrals.records import consent
from services.referrals.reports.models import ReportCell, ReportCount, ReportDelta

# Overdue referrals and those without consent are counted one by one. Beyond this many the exact number does not matter.
MOST_FLAGGED = 2_000
_NUMBERS = ("total", "open", "waiting", "urgent")
_BY_PROGRAM = "demand of programs"
_DEMAND = ("open", "ended", "waiting", "urgent", "overdue", "consent_expired")


@dataclass(frozen=True, slots=True)
class Flagged:
    """Counts of referrals that are counted one by one, by flag and key, and whether there are more than were counted."""

    counts: Mapping[str, Mapping[str, int]]
    is_capped: Mapping[str, bool]


def get_dashboard(session: Session, caller: Caller | None, *, queue_id: str | None) -> dict[str, Any]:
    """Counts of each ReferralQ that the caller sees, by status, with the capacity of its programs, as of `at`."""
    programs = programs_in_reach(session, access_scope_of(caller))
    now = utc_now()
    queues = _queues(session, programs, queue_id)
    counts = _counts(session, caller, ReportCell.queue_id, _wanted(programs, queue_id))
    flagged = _flagged(session, caller, Referral.queue_id, programs, now)
    capacity = _capacity_of_queues(session, programs)
    items: list[dict[str, Any]] = [
        {
            "queue_id": queue.id,
            "name": queue.name,
            "is_active": queue.is_active,
            **_numbers(queue.id, counts, flagged),
            "statuses": _by_status(queue.statuses, counts.get(queue.id, {})),
            "capacity": capacity.get(queue.id, []),
        }
        for queue in queues
    ]
    totals = {name: sum(item[name] for item in items) for name in _DEMAND}
    return {"at": now, "totals": totals, **flagged.is_capped, "queues": items}


def list_program_demand(
    session: Session,
    caller: Caller | None,
    *,
    queue_id: str | None,
    agency_id: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """The programs that the caller sees, with demand and capacity, once for each of their ReferralQs, by program name."""
    programs = programs_in_reach(session, access_scope_of(caller))
    now = utc_now()
    pairs = _pairs(session, programs, queue_id=queue_id, agency_id=agency_id, after=after, limit=limit)
    page = pairs[:limit]
    ids = sorted({pair.program_id for pair in page})
    of_page = ReportCell.program_id.in_(ids)
    counts = _counts(session, caller, ReportCell.queue_id.concat(ReportCell.program_id), of_page)
    pair_of_referral = Referral.queue_id.concat(Referral.program_id)
    flagged = _flagged(session, caller, pair_of_referral, ids, now)
    statuses = _statuses(session, {pair.queue_id for pair in page})
    lines = lines_of_programs(session, ids, now)
    items = [
        {
            "program_id": pair.program_id,
            "program_name": pair.program_name,
            "agency_id": pair.agency_id,
            "queue_id": pair.queue_id,
            "queue_name": pair.queue_name,
            **_numbers(pair.queue_id + pair.program_id, counts, flagged),
            "statuses": _by_status(statuses[pair.queue_id], counts.get(pair.queue_id + pair.program_id, {})),
            "capacity": lines.get(pair.program_id, []),
        }
        for pair in page
    ]
    more = len(pairs) > len(page)
    return {
        "at": now,
        **flagged.is_capped,
        "items": items,
        "next": cursor_of(_BY_PROGRAM, page[-1].program_id, page[-1].queue_id) if more else None,
    }


def programs_in_reach(session: Session, scope: AccessScope) -> list[str] | None:
    """Ids of the programs in the scope, None for all. Indexes serve a list of ids better than the scope's condition."""
    if scope.everything:
        return None
    return list(session.scalars(select(Resource.id).where(scope.of_referrals(Resource.id))))


def among(column: InstrumentedAttribute[str], programs: Collection[str] | None) -> ColumnElement[bool]:
    """Condition: the program's id in this column is one of `programs` (None: any)."""
    return column.is_not(None) if programs is None else column.in_(programs)


def _wanted(programs: Collection[str] | None, queue_id: str | None) -> ColumnElement[bool]:
    wanted = among(ReportCell.program_id, programs)
    return wanted if queue_id is None else and_(wanted, ReportCell.queue_id == queue_id)


def _queues(session: Session, programs: Collection[str] | None, queue_id: str | None) -> Sequence[Queue]:
    statement = select(Queue).order_by(Queue.name_key, Queue.id)
    if programs is not None:
        linked = select(QueueProgram.queue_id).where(QueueProgram.program_id.in_(programs))
        counted = select(ReportCell.queue_id).where(ReportCell.program_id.in_(programs))
        statement = statement.where(or_(Queue.id.in_(linked), Queue.id.in_(counted)))
    if queue_id is not None:
        statement = statement.where(Queue.id == queue_id)
    queues = session.scalars(statement).all()
    if queue_id is not None and not queues:
        raise Refused("not_found", "There is no ReferralQ with this id.", "queue_id")
    return queues


def _counts(
    session: Session, caller: Caller | None, key: Any, wanted: ColumnElement[bool]
) -> dict[str, dict[str, Any]]:
    """Sums by `key` and status, of the folded counts and the deltas since, read in one statement."""
    own = and_(ReportCell.organisation_id == (caller.organisation_id if caller else None), wanted)
    parts = [
        select(
            key.label("key"), ReportCell.status.label("status"), *(getattr(table, name) for name in _NUMBERS)
        )
        .join(table, table.cell_id == ReportCell.id)
        .where(own)
        for table in (ReportCount, ReportDelta)
    ]
    both = union_all(*parts).subquery()
    sums = [func.sum(both.c[name]).label(name) for name in _NUMBERS]
    rows = session.execute(select(both.c.key, both.c.status, *sums).group_by(both.c.key, both.c.status))
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in rows:
        found[row.key][row.status] = row
    return found


def _flagged(
    session: Session,
    caller: Caller | None,
    key: Any,
    programs: Collection[str] | None,
    now: datetime.datetime,
) -> Flagged:
    """Open referrals past their due time, and open referrals whose consent is over, by `key`."""
    overdue = _one_by_one(session, caller, key, programs, models.is_overdue(now))
    expired = _one_by_one(
        session, caller, key, programs, consent.is_consent_expired(now, today_of(session, now))
    )
    return Flagged(
        {"overdue": overdue, "consent_expired": expired},
        {
            "is_overdue_capped": sum(overdue.values()) > MOST_FLAGGED,
            "is_consent_expired_capped": sum(expired.values()) > MOST_FLAGGED,
        },
    )


def _one_by_one(
    session: Session,
    caller: Caller | None,
    key: Any,
    programs: Collection[str] | None,
    condition: ColumnElement[bool],
) -> dict[str, int]:
    """The number of matching referrals by `key`. A sum of MOST_FLAGGED + 1 means that there are more."""
    found = select(key.label("key")).where(
        Referral.organisation_id == (caller.organisation_id if caller else None), condition
    )
    if programs is not None:
        found = found.where(Referral.program_id.in_(programs))
    part = found.limit(MOST_FLAGGED + 1).subquery()
    return dict(session.execute(select(part.c.key, func.count()).group_by(part.c.key)).all())


def _capacity_of_queues(
    session: Session, programs: Collection[str] | None
) -> dict[str, list[dict[str, Any]]]:
    """The places of each queue's programs by unit: beds are not added to pickups."""
    statement = (
        select(QueueProgram.queue_id, Term.unit, func.sum(Line.total), func.sum(Line.used))
        .join(Line, Line.program_id == QueueProgram.program_id)
        .join(Term, Term.id == Line.term_id)
        .where(Line.removed_at.is_(None), among(QueueProgram.program_id, programs))
        .group_by(QueueProgram.queue_id, Term.unit)
        .order_by(Term.unit)
    )
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for queue_id, unit, total, used in session.execute(statement):
        places = found[queue_id].setdefault(unit.casefold(), {"unit": unit, "total": 0, "used": 0})
        places["total"] += int(total)
        places["used"] += int(used)
    return {
        queue_id: [
            {**places, "free": places["total"] - places["used"]} for _, places in sorted(units.items())
        ]
        for queue_id, units in found.items()
    }


def _pairs(
    session: Session,
    programs: Collection[str] | None,
    *,
    queue_id: str | None,
    agency_id: str | None,
    after: str | None,
    limit: int,
) -> Sequence[Any]:
    """Pairs of a program and a queue that it is linked to or has referrals of: a page and one more."""
    both = union(
        select(QueueProgram.queue_id, QueueProgram.program_id).where(
            among(QueueProgram.program_id, programs)
        ),
        select(ReportCell.queue_id, ReportCell.program_id).where(among(ReportCell.program_id, programs)),
    ).subquery()
    statement = (
        select(
            both.c.queue_id,
            both.c.program_id,
            Queue.name.label("queue_name"),
            Resource.name.label("program_name"),
            Resource.own_agency_id.label("agency_id"),
        )
        .join(Queue, Queue.id == both.c.queue_id)
        .join(Resource, Resource.id == both.c.program_id)
        .order_by(Resource.search_key, both.c.program_id, both.c.queue_id)
        .limit(limit + 1)
    )
    if queue_id is not None:
        statement = statement.where(both.c.queue_id == queue_id)
    if agency_id is not None:
        statement = statement.where(is_of_agency(agency_id))
    if after is not None:
        last_program_id, last_queue_id = read_cursor(after, _BY_PROGRAM, str, str)
        name = session.scalar(select(Resource.search_key).where(Resource.id == last_program_id))
        if name is None:
            raise Refused("invalid_request", "after: use the cursor of the page before.", "after")
        place = tuple_(Resource.search_key, both.c.program_id, both.c.queue_id)
        statement = statement.where(place > tuple_(name, last_program_id, last_queue_id))
    return session.execute(statement).all()


def _statuses(session: Session, queue_ids: Collection[str]) -> dict[str, list[QueueStatus]]:
    statement = select(QueueStatus).where(QueueStatus.queue_id.in_(queue_ids)).order_by(QueueStatus.position)
    found: dict[str, list[QueueStatus]] = defaultdict(list)
    for status in session.scalars(statement):
        found[status.queue_id].append(status)
    return found


def _numbers(key: str, counts: dict[str, dict[str, Any]], flagged: Flagged) -> dict[str, int]:
    rows = list(counts.get(key, {}).values())
    sums = {name: int(sum(getattr(row, name) for row in rows)) for name in ("open", "waiting", "urgent")}
    ended = int(sum(row.total for row in rows)) - sums["open"]
    return {**sums, "ended": ended, **{name: each.get(key, 0) for name, each in flagged.counts.items()}}


def _by_status(statuses: Sequence[QueueStatus], rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Counts in the order of the queue's statuses: open referrals at open statuses, ended ones at terminal statuses."""
    return [
        {
            "status": status.key,
            "label": status.label,
            "is_terminal": status.is_terminal,
            "count": _count_at(status, rows.get(status.key)),
        }
        for status in statuses
    ]


def _count_at(status: QueueStatus, row: Any) -> int:
    if row is None:
        return 0
    return int(row.total - row.open if status.is_terminal else row.open)
