"""Queries about capacity."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.referrals.access.access_scope import access_scope_of
from services.referrals.capacity.claims import lines_of
from services.referrals.capacity.models import CapacitySettings, Change, Line, Term
from services.referrals.capacity.readings import open_terms, require_link_holds, state_of_numbers
from services.referrals.capacity.rules import CapacityStatus
from services.referrals.capacity.settings import settings_of
from services.referrals.capacity.views import capacity_view, change_view, past_view
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import agency_name_of, is_of_agency
from services.referrals.models import QueueProgram
from services.referrals.queues.models import Queue

# A projection computes every window up to its time, so that time is limited.
FURTHEST = datetime.timedelta(days=731)
_LINES, _HISTORY = "capacity lines", "capacity history"
_Agency = aliased(Resource)


def get_capacity(
    session: Session, caller: Caller | None, *, program_id: str, as_of: datetime.datetime | None
) -> dict[str, Any]:
    """A program's first line now, as it was, or as it will be at `as_of` by what is scheduled.

    Raises Refused `not_found` where the program is out of reach or had no capacity by then, `invalid_request`.
    """
    now = utc_now()
    at = as_of or now
    if at > now + FURTHEST:
        raise Refused("invalid_request", "Ask for a time within the next two years.", "as_of")
    lines = (
        _every_line()
        .where(Line.program_id == program_id, access_scope_of(caller).of_capacity(Line.program_id))
        .order_by(Line.position, Line.id)
    )
    view = _past_capacity(session, lines, at) if at < now else _first_view(session, lines, at)
    if view is None:
        raise no_capacity(session, caller, program_id)
    return view


def get_capacity_line(session: Session, caller: Caller | None, *, line_id: str) -> dict[str, Any]:
    """One line in reach. Raises Refused `not_found`."""
    rows = session.execute(_lines(caller).where(Line.id == line_id)).all()
    if not rows:
        raise Refused("not_found", "There is no capacity line with this id.", "line_id")
    line = rows[0][0]
    require_link_holds(caller, line, open_terms(session, [line.id])[line.id])
    return _views(session, rows, utc_now())[0]


def describe_capacity_line(session: Session, _caller: Caller | None, *, line_id: str) -> dict[str, Any]:
    """The state of a line's numbers, for the link of a mail."""
    line = session.scalar(select(Line).where(Line.id == line_id, Line.removed_at.is_(None)))
    state = None if line is None else state_of_numbers(line, open_terms(session, [line.id])[line.id])
    return {"state": state}


def list_capacities(
    session: Session,
    caller: Caller | None,
    *,
    queue_id: str | None,
    agency_id: str | None,
    program_id: str | None,
    status: str | None,
    stale: bool | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """A page of the lines in reach, by program name (S0-38, S0-52). Raises Refused `invalid_request`."""
    now = utc_now()
    order = (Resource.search_key, Line.program_id, Line.position, Line.id)
    statement = (
        _lines(caller)
        .outerjoin(Term, Term.id == Line.term_id)
        .where(*_in_place(queue_id, agency_id, program_id), *_in_state(status, now, stale=stale))
        .order_by(*order)
    )
    if after is not None:
        place = [literal(each) for each in read_cursor(after, _LINES, str, str, int, str)]
        statement = statement.where(tuple_(*order) > tuple_(*place))
    rows = session.execute(statement.limit(limit + 1)).all()
    page = rows[:limit]
    views = [
        view
        for view in _views(session, page, now)
        if status in (None, view["capacity_status"]) and stale in (None, view["is_stale"])
    ]
    if len(rows) == len(page):
        return {"items": views, "next": None}
    line, program, _ = page[-1]
    return {
        "items": views,
        "next": cursor_of(_LINES, program.search_key, line.program_id, line.position, line.id),
    }


def list_capacity_history(
    session: Session,
    caller: Caller | None,
    *,
    program_id: str,
    line_id: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """The changes of a program's lines, newest first. Raises Refused `not_found`, `invalid_request`."""
    scope = access_scope_of(caller).of_capacity(Resource.id)
    if session.scalar(select(Resource.id).where(Resource.id == program_id, scope)) is None:
        raise no_capacity(session, caller, program_id)
    statement = select(Change).where(Change.program_id == program_id)
    if line_id is not None:
        statement = statement.where(Change.line_id == line_id)
    order = (Change.at, Change.line_id, Change.position)
    if after is not None:
        at, *others = read_cursor(after, _HISTORY, datetime.datetime, str, int)
        place = (literal(at, Change.at.type), *(literal(each) for each in others))
        statement = statement.where(tuple_(*order) < tuple_(*place))
    newest = statement.order_by(*(column.desc() for column in order)).limit(limit + 1)
    rows = session.scalars(newest).all()
    page = rows[:limit]
    last = page[-1] if len(rows) > len(page) else None
    agency_name = agency_name_of(session, program_id)
    return {
        "items": [change_view(change, agency_name) for change in page],
        "next": cursor_of(_HISTORY, last.at, last.line_id, last.position) if last else None,
    }


def get_capacity_settings(session: Session, caller: Caller | None) -> CapacitySettings:
    """The organisation's settings for capacity."""
    return settings_of(session, caller.organisation_id if caller else None)


def is_exhausted(session: Session, program_id: str, line_id: str | None = None) -> bool:
    """Whether the program has a limit and no free place. An estimate without a lock: the claim itself decides.

    A line that is due may have free places once it is settled, so this answers False and leaves it to the claim.
    """
    now = utc_now()
    lines = lines_of(session, program_id)
    if any(line.settles_at is not None and line.settles_at <= now for line in lines):
        return False
    in_effect = [line for line in lines if line.term_id is not None]
    wanted = [line for line in in_effect if line_id is None or line.id == line_id]
    # The claim refuses a line that does not exist.
    return bool(wanted) and all(line.used >= line.total for line in wanted)


def one_view(session: Session, line_id: str, now: datetime.datetime) -> dict[str, Any]:
    """A line as a command answers it. The command has checked that its program is in reach."""
    return _views(session, session.execute(_every_line().where(Line.id == line_id)).all(), now)[0]


def _every_line() -> Any:
    return (
        select(Line, Resource, _Agency.name)
        .join(Resource, Resource.id == Line.program_id)
        .join(_Agency, _Agency.id == Resource.own_agency_id)
    )


def _lines(caller: Caller | None) -> Any:
    return _every_line().where(
        Line.removed_at.is_(None), access_scope_of(caller).of_capacity(Line.program_id)
    )


def _views(session: Session, rows: Any, now: datetime.datetime) -> list[dict[str, Any]]:
    terms = open_terms(session, [line.id for line, *_ in rows])
    queues = _queues(session, {program.id for _, program, _ in rows})
    return [
        capacity_view(line, terms[line.id], program, agency_name, queues[program.id], now)
        for line, program, agency_name in rows
    ]


def _queues(session: Session, program_ids: set[str]) -> dict[str, list[dict[str, str]]]:
    statement = (
        select(QueueProgram.program_id, Queue.id, Queue.name)
        .join(Queue, Queue.id == QueueProgram.queue_id)
        .where(QueueProgram.program_id.in_(program_ids), Queue.is_active.is_(True))
        .order_by(Queue.name_key, Queue.id)
    )
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for program_id, queue_id, name in session.execute(statement):
        found[program_id].append({"id": queue_id, "name": name})
    return found


def _in_place(
    queue_id: str | None, agency_id: str | None, program_id: str | None
) -> Iterator[ColumnElement[bool]]:
    if queue_id is not None:
        members = select(QueueProgram.program_id).where(QueueProgram.queue_id == queue_id)
        yield Line.program_id.in_(members)
    if agency_id is not None:
        yield is_of_agency(agency_id)
    if program_id is not None:
        yield Line.program_id == program_id


def _in_state(
    status: str | None, now: datetime.datetime, *, stale: bool | None
) -> Iterator[ColumnElement[bool]]:
    # A line that is due may differ from its row, so it is selected here and its view decides.
    is_due = func.coalesce(Line.settles_at <= now, False)
    is_stale = func.coalesce(Term.valid_until <= now, False)
    if status is not None:
        yield or_(is_due, _has_status(CapacityStatus(status), is_stale))
    if stale is not None:
        yield or_(is_due, is_stale if stale else ~is_stale)


def _has_status(status: CapacityStatus, is_stale: ColumnElement[bool]) -> ColumnElement[bool]:
    """Condition: `capacity_status` of the rules is this one."""
    if status is CapacityStatus.UNKNOWN:
        return or_(Line.term_id.is_(None), is_stale)
    is_full, waits, assesses = Line.used >= Line.total, Term.has_waitlist, Term.needs_assessment
    conditions = {
        CapacityStatus.NO_CAPACITY_HAS_WAITLIST: and_(is_full, waits),
        CapacityStatus.NO_CAPACITY: and_(is_full, ~waits),
        CapacityStatus.ADDITIONAL_ASSESSMENT_REQUIRED: and_(~is_full, assesses),
        CapacityStatus.HAS_CAPACITY: and_(~is_full, ~assesses),
    }
    return and_(Line.term_id.is_not(None), ~is_stale, conditions[status])


def _first_view(session: Session, lines: Any, at: datetime.datetime) -> dict[str, Any] | None:
    rows = session.execute(lines.where(Line.removed_at.is_(None)).limit(1)).all()
    return _views(session, rows, at)[0] if rows else None


def _past_capacity(session: Session, lines: Any, at: datetime.datetime) -> dict[str, Any] | None:
    """The line that was first at that time, even if it was removed since."""
    stayed = or_(Line.removed_at.is_(None), Line.removed_at > at)
    for line, program, agency_name in session.execute(lines.where(stayed)):
        change = _last_change(session, line.id, at)
        if change is not None:
            return past_view(change, line, program, agency_name, at)
    return None


def _last_change(session: Session, line_id: str, at: datetime.datetime) -> Change | None:
    newest = (
        select(Change)
        .where(Change.line_id == line_id, Change.at <= at)
        .order_by(Change.at.desc(), Change.position.desc())
    )
    change = session.scalars(newest.limit(1)).first()
    return None if change is not None and change.kind == "removed" else change


def no_capacity(session: Session, caller: Caller | None, program_id: str) -> Refused:
    """The refusal where the caller reaches no capacity of a program. A provider learns of its own one what is missing."""
    absent = Refused("not_found", "There is no capacity for a program with this id.", "program_id")
    return outside_every_queue(session, caller, program_id, "program_id") or absent


def outside_every_queue(
    session: Session, caller: Caller | None, program_id: str | None, field: str
) -> Refused | None:
    """The refusal for a provider whose own program is in no ReferralQ; None for anybody and anything else."""
    scope = access_scope_of(caller)
    outside = select(Resource.id).where(
        Resource.id == program_id,
        scope.of_resources(),
        Resource.id.not_in(select(QueueProgram.program_id)),
    )
    if scope.everything or session.scalar(outside) is None:
        return None
    detail = (
        "The program is in no ReferralQ, so its capacity is out of reach. Ask your partner to add it to one."
    )
    return Refused("not_found", detail, field)
