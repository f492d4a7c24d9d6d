"""Capacity in the shapes of the contract."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from services.referrals.authors.rules import actor_view, side_of
from services.referrals.capacity.models import Change, Line, Term
from services.referrals.capacity.readings import Terms, reading_at, status_of
from services.referrals.capacity.rules import CapacityLine, Period, window_at
from services.referrals.directory.models import Resource

NOTHING = CapacityLine(0, "referrals")


def capacity_view(
    line: Line,
    terms: Terms,
    program: Resource,
    agency_name: str | None,
    queues: Sequence[dict[str, str]],
    now: datetime.datetime,
) -> dict[str, Any]:
    """A line at `now`. Where no term is in effect, the numbers are 0 and the status is unknown."""
    current = reading_at(line, terms, now)
    coming = [term for term in terms.values() if term.starts_at is not None and term.starts_at > now]
    about = {
        **_numbers(current or NOTHING, now),
        "capacity_status": status_of(current, now).value,
        "planned_total": terms[current.id].total if current else 0,
        "schedule_id": current.id if current and current.starts_at else None,
        "ends_at": current.ends_at if current else None,
        "updated_at": line.updated_at,
        "version": line.version,
        "scheduled": [scheduled_view(term) for term in sorted(coming, key=_begin)],
    }
    return {**_place(line, program, agency_name), "queues": list(queues), **about}


def past_view(
    change: Change, line: Line, program: Resource, agency_name: str | None, at: datetime.datetime
) -> dict[str, Any]:
    """A line as it was at `at`, by the last change up to then."""
    shown = CapacityLine(
        total=change.total,
        unit=change.unit,
        used=change.used,
        period=Period(change.period) if change.period else None,
        time_zone=change.time_zone,
        valid_until=change.valid_until,
        note=change.note or "",
        has_waitlist=change.has_waitlist,
        needs_assessment=change.needs_assessment,
    )
    about = {
        **_numbers(shown, at),
        "mode": change.mode,
        "capacity_status": change.status,
        "planned_total": change.planned_total,
        "schedule_id": None,
        "ends_at": None,
        "updated_at": change.at,
        "version": change.position,
        "scheduled": [],
    }
    return {**_place(line, program, agency_name), "queues": [], **about}


def scheduled_view(term: Term) -> dict[str, Any]:
    """A term that has not begun yet."""
    members = ("id", "version", "line_id", "starts_at", "ends_at", "total", "unit", "note", "mode", "period")
    more = ("time_zone", "valid_until", "has_waitlist", "needs_assessment")
    return {name: getattr(term, name) for name in (*members, *more)}


def change_view(change: Change, agency_name: str | None) -> dict[str, Any]:
    """A change of the history. `agency_name` is the agency of the program: its providers work for it."""
    side = side_of(None if change.actor_realm == "service" else change.actor_realm)
    members = ("id", "line_id", "at", "kind", "total", "used", "unit", "note", "valid_until")
    return {
        **{name: getattr(change, name) for name in (*members, "actor_realm", "actor_id")},
        "free": change.total - change.used,
        "capacity_status": change.status,
        "actor": actor_view(change.actor_id, side, agency_name, by_link=change.by_link),
    }


def _place(line: Line, program: Resource, agency_name: str | None) -> dict[str, Any]:
    return {
        "program_id": program.id,
        "program_name": program.name,
        "agency_id": program.own_agency_id,
        "agency_name": agency_name,
        "line_id": line.id,
        "name": line.name,
        "target_population": line.target_population,
        "position": line.position,
    }


def _numbers(line: CapacityLine, now: datetime.datetime) -> dict[str, Any]:
    window = window_at(now, line.period, line.time_zone) if line.period else None
    return {
        "total": line.total,
        "used": line.used,
        "free": line.free,
        "unit": line.unit,
        "note": line.note or None,
        "mode": line.mode.value,
        "period": line.period.value if line.period else None,
        "time_zone": line.time_zone,
        "window_starts_at": window.starts_at if window else None,
        "window_ends_at": window.ends_at if window else None,
        "valid_until": line.valid_until,
        "is_stale": line.valid_until is not None and line.valid_until <= now,
        "has_waitlist": line.has_waitlist,
        "needs_assessment": line.needs_assessment,
    }


def _begin(term: Term) -> datetime.datetime:
    assert term.starts_at is not None  # noqa: S101 - a term without a start is never upcoming
    return term.starts_at
