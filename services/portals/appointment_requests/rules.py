"""Pure rules of requests for appointments."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence

from services.contracts.errors import Refused

OPEN, BOOKED, DECLINED, WITHDRAWN = "open", "booked", "declined", "withdrawn"
MOST_OPEN = 5  # of a person
_ENDS = (("morning", 12), ("afternoon", 17), ("evening", 24))  # until which hour of the day
_WORDS = {"morning": "in the morning", "afternoon": "in the afternoon", "evening": "in the evening"}


def problems(
    earliest_on: datetime.date | None,
    latest_on: datetime.date | None,
    today: datetime.date,
    first_on: datetime.date,
    last_on: datetime.date | None,
) -> Iterator[tuple[str, str]]:
    """All that is wrong with the days that somebody wishes: pairs of the member's path and a sentence.

    `first_on` and `last_on`: between which days appointments of the type can be asked for.
    """
    if earliest_on is not None and last_on is not None and earliest_on > last_on:
        yield (
            "earliest_on",
            "This is further ahead than can be asked for here. Give an earlier day, or call us.",
        )
    if latest_on is not None and latest_on < today:
        yield "latest_on", "This day is over. Give a later one, or leave it out."
    elif latest_on is not None and latest_on < first_on:
        yield "latest_on", "This is too soon to ask for it here. Give a later day, or call us."
    elif earliest_on is not None and latest_on is not None and latest_on < earliest_on:
        yield "latest_on", "The last day is before the first. Give a later one, or leave it out."


def require_room(open_requests: int) -> None:
    """Raise Refused `too_many_appointments` where a person has as many open requests as staff can follow."""
    if open_requests >= MOST_OPEN:
        raise Refused(
            "too_many_appointments", "Five requests are waiting already. Take one back first, or call us."
        )


def require_open(is_open: bool) -> None:
    """Raise Refused `appointment_request_closed` for a request that is answered or taken back."""
    if not is_open:
        raise Refused("appointment_request_closed", "This request is answered already, or was taken back.")


def suits(parts_of_day: Sequence[str], local: datetime.datetime) -> bool:
    """Whether a time of the place's clock lies in one of these parts of the day; without any, every time does."""
    part = next(name for name, until in _ENDS if local.hour < until)
    return not parts_of_day or part in parts_of_day


def words(
    kind: str,
    earliest_on: datetime.date | None,
    latest_on: datetime.date | None,
    parts_of_day: Sequence[str],
    note: str | None,
) -> str:
    """A request in words, as the queue shows it."""
    days = [f"from {earliest_on}"] * (earliest_on is not None) + [f"until {latest_on}"] * (
        latest_on is not None
    )
    wishes = [*days, " or ".join(_WORDS[each] for each in _WORDS if each in parts_of_day)]
    lines = [f"Appointment: {kind}", "; ".join(filter(None, wishes)), note or ""]
    return "\n".join(filter(None, lines))
