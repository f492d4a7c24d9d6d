"""Random histories of referrals, inserted directly into the tables, and their statistics counted in plain Python."""

from __future__ import annotations

import datetime
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from services.chassis.wire import new_id
from services.referrals.models import Referral, StatusChange

OPEN, ENDS = ("referred", "attempting_contact", "enrolled"), ("completed", "declined")


@dataclass(frozen=True)
class Place:
    """Where a referral is."""

    queue_id: str
    program_id: str
    agency_id: str


@dataclass
class Past:
    """One referral: its statuses with their times, and how it ended, if it has."""

    id: str
    place: Place
    lines: list[tuple[datetime.datetime, str]]
    outcome: str | None = None
    ended_by: str | None = None
    reason: str | None = None

    @property
    def status(self) -> str:
        """The last status."""
        return self.lines[-1][1]

    @property
    def ended_at(self) -> datetime.datetime | None:
        """When it ended, unless it is open."""
        return self.lines[-1][0] if self.status in ENDS else None


def some_pasts(
    chance: random.Random, places: Sequence[Place], count: int, first: datetime.datetime, days: int
) -> list[Past]:
    """Referrals that began within these days; some end, some are opened again."""
    pasts = []
    for _ in range(count):
        at = first + datetime.timedelta(seconds=chance.randrange(days * 86_400))
        past = Past(new_id(), chance.choice(places), [(at, "referred")])
        for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
            at += datetime.timedelta(seconds=int(10 ** chance.uniform(0, 6)))
            other = [each for each in (*OPEN, *ENDS) if each != past.status]
            past.lines.append((at, chance.choice(other)))
        if past.status == "completed":
            past.outcome = chance.choice(("service_received", "lost_contact", None))
        if past.status == "declined":
            past.ended_by, past.reason = chance.choice((("provider", "no_capacity"), ("client", None)))
        pasts.append(past)
    return pasts


def write_pasts(session: Session, pasts: Iterable[Past], records: Iterable[str]) -> None:
    """The rows of these referrals and of their histories, each of a contact record of its own."""
    for past, record_id in zip(pasts, records, strict=True):
        session.add(_referral(past, record_id))
        session.flush()
        before = None
        for position, (at, status) in enumerate(past.lines, 1):
            session.add(
                StatusChange(
                    id=new_id(),
                    referral_id=past.id,
                    position=position,
                    at=at,
                    kind="status" if before else "assigned",
                    from_key=before,
                    from_label=before,
                    to_key=status,
                    to_label=status,
                    is_internal=False,
                    actor_id="5" * 32,
                )
            )
            before = status


def _referral(past: Past, record_id: str) -> Referral:
    last_at = past.lines[-1][0]
    return Referral(
        id=past.id,
        contact_record_id=record_id,
        queue_id=past.place.queue_id,
        program_id=past.place.program_id,
        status=past.status,
        status_since=last_at,
        is_terminal=past.ended_at is not None,
        priority="routine",
        holds_capacity=False,
        is_waitlisted=False,
        assigned_at=past.lines[0][0],
        ended_at=past.ended_at,
        ended_by=past.ended_by,
        outcome_code=past.outcome,
        reason_code=past.reason,
        updated_at=last_at,
        version=len(past.lines),
    )


def counted(
    pasts: Iterable[Past], zone: str, first: datetime.date, last: datetime.date, group_by: str | None
) -> dict[Any, dict[str, Any]]:
    """The expected statistics: counts and exact percentiles by group (None: in total)."""
    counts: dict[Any, Counter[tuple[str | None, ...]]] = defaultdict(Counter)
    stays: dict[Any, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    key_of = _KEYS.get(group_by or "")

    def keys(past: Past, at: datetime.datetime, status: str) -> Iterable[Any]:
        """The groups in which a time counts, None for the total. Empty for a time outside the period."""
        day = at.astimezone(ZoneInfo(zone)).date()
        if first <= day <= last:
            yield None
            if key_of:
                yield key_of(past.place, day, status)

    for past in pasts:
        for key in keys(past, past.lines[0][0], past.status):
            counts[key]["assigned",] += 1
        for key in keys(past, past.ended_at, past.status) if past.ended_at else ():
            counts[key].update([("ended",), ("outcome", past.outcome)])
            counts[key].update([("reason", past.reason, past.ended_by)] if past.ended_by else [])
        for (since, left), (at, entered) in pairwise(past.lines):
            for key in keys(past, at, entered):
                counts[key]["entered", entered] += 1
            for key in keys(past, at, left):
                counts[key]["left", left] += 1
                stays[key][left].append((at - since).total_seconds())
    return {key: {"counts": dict(counts[key]), "times": _times(stays[key])} for key in counts}


def _times(stays: dict[str, list[float]]) -> dict[str, tuple[float, float]]:
    return {status: (_percentile(each, 50), _percentile(each, 90)) for status, each in stays.items()}


def _percentile(stays: list[float], share: int) -> float:
    """By nearest rank."""
    rank = -(-len(stays) * share // 100)
    return sorted(stays)[rank - 1]


def _week(_place: Place, day: datetime.date, _status: str) -> str:
    year, week, _ = day.isocalendar()
    return f"{year:04d}-W{week:02d}"


_KEYS: dict[str, Callable[[Place, datetime.date, str], str]] = {
    "queue": lambda place, _day, _status: place.queue_id,
    "program": lambda place, _day, _status: place.program_id,
    "agency": lambda place, _day, _status: place.agency_id,
    "status": lambda _place, _day, status: status,
    "month": lambda _place, day, _status: f"{day:%Y-%m}",
    "week": _week,
    "day": lambda _place, day, _status: day.isoformat(),
}


def as_counted(statistics: Any) -> dict[Any, dict[str, Any]]:
    """An answer of the service in the shape of `counted`."""
    by_label = statistics["group_by"] in ("month", "week", "day")
    parts = {each["label" if by_label else "key"]: each for each in statistics["groups"]}
    if any(statistics["total"][name] for name in ("assigned", "ended", "statuses")):
        parts[None] = statistics["total"]
    return {key: _part(part) for key, part in parts.items()}


def _part(part: Any) -> dict[str, Any]:
    counts: dict[tuple[str | None, ...], int] = {
        ("assigned",): part["assigned"],
        ("ended",): part["ended"],
        **{("outcome", each["code"]): each["count"] for each in part["outcomes"]},
        **{("reason", each["code"], each["ended_by"]): each["count"] for each in part["reasons"]},
    }
    for status in part["statuses"]:
        counts["entered", status["status"]] = status["entered"]
        counts["left", status["status"]] = status["left"]
    return {
        "counts": {what: count for what, count in counts.items() if count},
        "times": {
            each["status"]: (each["median_s"], each["p90_s"]) for each in part["statuses"] if each["left"]
        },
    }
