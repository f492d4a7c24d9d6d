"""Statements about a line: what somebody says of its capacity, and what a change to come takes from the line before it."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from dataclasses import replace
from typing import Any, TypedDict

from services.referrals.capacity.models import Term
from services.referrals.capacity.readings import Terms, said
from services.referrals.capacity.rules import CapacityLine, Mode, Period, find_line


class Stated(TypedDict, total=False):
    """What somebody states about a line's capacity, as `CapacityLine` calls it. What is left out stays as it was."""

    total: int
    unit: str
    note: str | None
    mode: str
    period: str | None
    time_zone: str
    valid_until: datetime.datetime | None
    has_waitlist: bool
    needs_assessment: bool


STATED = tuple(Stated.__annotations__)
_INSTANT = datetime.timedelta(microseconds=1)


def statement_in(stated: Stated, before: CapacityLine) -> CapacityLine:
    """What is stated about a line. A member that is left out is as in `before`. Not checked yet."""
    given: dict[str, Any] = {name: value for name, value in stated.items() if name in STATED}
    if "note" in given:
        given["note"] = given["note"] or ""
    if "mode" in given:
        given["mode"] = Mode(given["mode"])
    if given.get("period"):
        given["period"] = Period(given["period"])
    elif given.get("mode") is Mode.OCCUPANCY:
        given["period"] = None
    if "valid_until" in given:
        given["valid_until"] = in_utc(given["valid_until"])
    kept = {name: getattr(before, name) for name in STATED}
    return CapacityLine(**{**kept, **given})


def named_in(stated: Stated, before: Collection[str] = ()) -> list[str]:
    """The members that a scheduled change states. A way of counting is stated as a whole, an end of validity always."""
    named = {name for name in stated if name in STATED} | {*before, "valid_until"}
    return sorted(named | {"mode", "period"} if named & {"mode", "period"} else named)


def carry_over(terms: Terms, now: datetime.datetime) -> None:
    """Let each change to come have what it does not state from the line as it will be just before it begins."""
    lines = {key: said(term) for key, term in terms.items()}
    to_come = [term for term in terms.values() if term.starts_at is not None and term.starts_at > now]
    for term in sorted(to_come, key=lambda each: each.starts_at or now):
        others = [line for key, line in lines.items() if key != term.id]
        before = find_line(others, (term.starts_at or now) - _INSTANT)
        if term.named is None or before is None:
            continue
        kept: dict[str, Any] = {name: getattr(before, name) for name in STATED if name not in term.named}
        carried = replace(lines[term.id], **kept)
        if carried != lines[term.id]:
            lines[term.id] = carried
            fill(term, carried)
            term.version += 1


def fill(term: Term, stated: CapacityLine) -> None:
    """Let the term say what was stated; its count stays."""
    term.starts_at, term.ends_at, term.valid_until = stated.starts_at, stated.ends_at, stated.valid_until
    term.total, term.unit, term.note = stated.total, stated.unit, stated.note or None
    term.mode, term.period = stated.mode.value, stated.period.value if stated.period else None
    term.time_zone = stated.time_zone
    term.has_waitlist, term.needs_assessment = stated.has_waitlist, stated.needs_assessment


def in_utc(instant: datetime.datetime | None) -> datetime.datetime | None:
    """The instant in UTC; None for none."""
    return instant.astimezone(datetime.UTC) if instant else None
