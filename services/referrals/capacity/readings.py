"""Readings: what a capacity line says at a moment, even if its row is not settled yet."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.referrals.capacity.models import Line, Term
from services.referrals.capacity.rules import (
    CapacityLine,
    CapacityStatus,
    Mode,
    Period,
    capacity_status,
    steps,
)

Terms = Mapping[str, Term]


def said(term: Term) -> CapacityLine:
    """A term in the form that the rules use."""
    return CapacityLine(
        total=term.total,
        unit=term.unit,
        mode=Mode(term.mode),
        used=term.used,
        period=Period(term.period) if term.period else None,
        time_zone=term.time_zone,
        starts_at=term.starts_at,
        ends_at=term.ends_at,
        valid_until=term.valid_until,
        window_started_at=term.window_started_at,
        note=term.note or "",
        has_waitlist=term.has_waitlist,
        needs_assessment=term.needs_assessment,
        id=term.id,
    )


def state_of_numbers(line: Line, terms: Terms) -> str | None:
    """A word that is another one once the line's numbers were set or confirmed. None where nothing is in effect."""
    return None if line.term_id is None else f"t{line.term_id}.{terms[line.term_id].version}"


def require_link_holds(caller: Caller | None, line: Line, terms: Terms) -> None:
    """Raise Refused `link_refused` for the link of a mail from before the numbers were set or confirmed."""
    if caller is not None:
        caller.require_state(state_of_numbers(line, terms) or "")


def open_terms(session: Session, line_ids: Iterable[str]) -> dict[str, dict[str, Term]]:
    """The open terms of these lines, by line id and term id, in one statement."""
    found: dict[str, dict[str, Term]] = defaultdict(dict)
    statement = select(Term).where(Term.line_id.in_(list(line_ids)), Term.closed_at.is_(None))
    for term in session.scalars(statement.order_by(Term.starts_at, Term.id)):
        found[term.line_id][term.id] = term
    return found


def counted(line: Line, terms: Terms) -> CapacityLine | None:
    """A line's term in effect with the counts of its row, None where no term is in effect."""
    if line.term_id is None:
        return None
    return replace(
        said(terms[line.term_id]), total=line.total, used=line.used, window_started_at=line.window_started_at
    )


def reading_at(line: Line, terms: Terms, now: datetime.datetime) -> CapacityLine | None:
    """What the line says at `now`, even if its row is not settled yet."""
    current = counted(line, terms)
    for _, each, _ in steps(
        [said(term) for term in terms.values()], current, line.held, line.settles_at, now
    ):
        current = each
    return current


def readings_of_programs(
    session: Session, program_ids: Collection[str], now: datetime.datetime
) -> list[tuple[Line, CapacityLine | None]]:
    """The lines of these programs in their order, each with its reading at `now`, in two statements."""
    statement = (
        select(Line)
        .where(Line.program_id.in_(program_ids), Line.removed_at.is_(None))
        .order_by(Line.program_id, Line.position, Line.id)
    )
    lines = session.scalars(statement).all()
    terms = open_terms(session, [line.id for line in lines])
    return [(line, reading_at(line, terms[line.id], now)) for line in lines]


def status_of(current: CapacityLine | None, now: datetime.datetime) -> CapacityStatus:
    """The Gravity status at `now`; unknown where no term is in effect."""
    return capacity_status(current, now) if current else CapacityStatus.UNKNOWN
