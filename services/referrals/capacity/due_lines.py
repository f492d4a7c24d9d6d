"""Capacity lines that are due: a schedule begins or ends, a window begins, a confirmation runs out.

To settle a line is to bring its row to the present. Each claim, release and edit settles its line first, so changes are
exact without the loop, and readers compute the same by the same rules. The loop publishes the events of lines that
nobody touches.
"""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import or_, select

from services.chassis.logs import log, where
from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.referrals.capacity import capacity_stale
from services.referrals.capacity.earlier_referrals import has_no_place, take_in
from services.referrals.capacity.history import ITSELF, Author, publish_new_version
from services.referrals.capacity.models import Line, Term
from services.referrals.capacity.readings import Terms, counted, open_terms, said
from services.referrals.capacity.rules import CapacityLine, Mode, remind_at, steps
from services.referrals.capacity.settings import settings_of
from services.referrals.directory.models import Resource
from services.referrals.models import Referral

EVERY_S = 5.0
MOST_AT_ONCE = 200


def settled(
    unit: UnitOfWork, line_id: str, *, skip_locked: bool = False
) -> tuple[Line, dict[str, Term]] | None:
    """The settled line with its open terms, locked until the transaction ends. None where there is no such line."""
    line = unit.session.scalars(
        select(Line).where(Line.id == line_id).with_for_update(skip_locked=skip_locked),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if line is None:
        return None
    terms = open_terms(unit.session, [line.id])[line.id]
    if line.settles_at is not None and line.settles_at <= unit.now:
        while line.settles_at is not None and line.settles_at <= unit.now:
            _settle(unit, line, terms)
        _close_those_over(terms, unit.now)
    return line, terms


def _settle(unit: UnitOfWork, line: Line, terms: Terms) -> None:
    """Bring the line to the present, or to the instant at which it begins to limit its program."""
    current = counted(line, terms)
    lines = [said(term) for term in terms.values()]
    for at, reached, due in steps(lines, current, line.held, line.settles_at, unit.now):
        begins = reached is not None and current is None
        following = take_in(unit, line, reached, at) if reached is not None and current is None else reached
        put(line, terms, current, following)
        line.settles_at = due
        kind = _kind(current, following, at)
        if kind == "took_effect":
            remind(unit, line, following, at)
        if kind is not None:
            author = _author(terms, current, following, at) if kind == "took_effect" else ITSELF
            publish_new_version(unit, line, following, kind, at, was=current, author=author)
        current = following
        if begins:  # the later steps count with the places that are held from now on
            return


def _close_those_over(terms: dict[str, Term], now: datetime.datetime) -> None:
    for term in [term for term in terms.values() if term.ends_at is not None and term.ends_at <= now]:
        term.closed_at = term.ends_at
        del terms[term.id]


def _author(
    terms: Terms, before: CapacityLine | None, after: CapacityLine | None, at: datetime.datetime
) -> Author:
    """Who has scheduled what takes effect at an instant: the change that begins then, else the one that ends."""
    begins = after is not None and after.starts_at == at
    scheduled = after if begins else before
    term = terms.get(scheduled.id) if scheduled is not None else None
    if term is None or term.said_by is None or term.said_by_realm is None:
        return ITSELF
    return Author(term.said_by, term.said_by_realm)


def _kind(before: CapacityLine | None, after: CapacityLine | None, at: datetime.datetime) -> str | None:
    """The kind of change at an instant for the history, None where nothing visible changes."""
    if before is None or after is None or before.id != after.id:
        return "took_effect" if before is not after else None
    if after.valid_until == at:
        return "lapsed"
    return "new_window" if before.used > after.used else None


def put(line: Line, terms: Terms, before: CapacityLine | None, current: CapacityLine | None) -> None:
    """Let the row count for `current` from now on. The term before keeps its count, in case it takes effect again."""
    if before is not None and (current is None or before.id != current.id) and before.id in terms:
        terms[before.id].used, terms[before.id].window_started_at = before.used, before.window_started_at
    line.term_id = current.id if current else None
    line.mode = current.mode.value if current else Mode.OCCUPANCY.value
    line.total = current.total if current else line.held
    line.used = current.used if current else line.held
    line.planned_total = terms[current.id].total if current else 0
    line.window_started_at = current.window_started_at if current else None


def count_what_came_meanwhile(unit: UnitOfWork) -> None:
    """Let open referrals that were assigned while the organisation's capacity was off take places of their program's lines."""
    programs = select(Referral.program_id).where(has_no_place())
    lines = select(Line.id).where(
        Line.program_id.in_(programs), Line.removed_at.is_(None), Line.term_id.is_not(None)
    )
    for line_id in unit.session.scalars(lines.order_by(Line.program_id, Line.position)).all():
        line, terms = settled(unit, line_id) or (None, {})
        current = counted(line, terms) if line is not None else None
        if line is None or current is None:
            continue
        held = line.held
        following = take_in(unit, line, current, unit.now, beside_others=True)
        if line.held > held:
            put(line, terms, current, following)
            publish_new_version(unit, line, following, "took_effect", unit.now)


def remind(unit: UnitOfWork, line: Line, current: CapacityLine | None, now: datetime.datetime) -> None:
    """Set the time at which a confirmation of the line is asked for, once for each end of validity."""
    line.reminds_at = None
    if current is not None and current.valid_until is not None and current.valid_until > now:
        before = datetime.timedelta(hours=settings_of(unit.session, unit.organisation_id).remind_hours)
        line.reminds_at = remind_at(now, current.valid_until, before)


def settle_due(runtime: Runtime) -> bool:
    """Settle all lines that are due and ask for confirmations that are due, each in its own transaction.

    False where a line could not be settled: the others are, and that line is tried again.
    """
    while True:
        due = _due(runtime)
        failed = 0
        for line_id, organisation_id, organisation_key in due:
            try:
                _settle_one(runtime, line_id, organisation_id, organisation_key)
            except Exception as error:  # a line that fails must not stop the others
                failed += 1
                log.error("line_not_settled", line=line_id, error=type(error).__name__, where=where(error))
        if failed or len(due) < MOST_AT_ONCE:
            return failed == 0


def _due(runtime: Runtime) -> list[Any]:
    now = utc_now()
    statement = (
        select(Line.id, Line.organisation_id, Line.organisation_key)
        .where(
            or_(Line.settles_at <= now, Line.reminds_at <= now),
            # Lines older than the column of keys have no key until their next change.
            Line.organisation_key.is_not(None),
        )
        .order_by(Line.settles_at, Line.id)
        .limit(MOST_AT_ONCE)
    )
    with runtime.database.reading(None) as session:
        return list(session.execute(statement))


def _settle_one(runtime: Runtime, line_id: str, organisation_id: str, organisation_key: str) -> None:
    def work(unit: UnitOfWork) -> None:
        found = settled(unit, line_id, skip_locked=True)
        if found is not None:  # a line locked elsewhere is settled there
            _ask_for_confirmation(unit, *found)

    transact_as(runtime, itself(runtime, organisation_id, organisation_key), work)


def _ask_for_confirmation(unit: UnitOfWork, line: Line, terms: Terms) -> None:
    if line.reminds_at is None or line.reminds_at > unit.now:
        return
    line.reminds_at = None
    current = counted(line, terms)
    if current is None or current.valid_until is None or current.valid_until <= unit.now:
        return
    program = unit.session.get_one(Resource, line.program_id)
    unit.audit("capacity.confirmation_asked", "program", line.program_id, line_id=line.id)
    unit.publish(
        capacity_stale,
        line.program_id,
        {
            "program_id": line.program_id,
            "agency_id": program.own_agency_id,
            "line_id": line.id,
            "valid_until": current.valid_until,
        },
    )
