"""Pure rules of schedules: what is wrong with one, hours as instants, and the free times in them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

LONGEST_EXCEPTION_DAYS = 366
MOST_SCHEDULES = 20  # of a provider

Span = tuple[datetime.datetime, datetime.datetime]


def schedule_problems(
    hours: Sequence[Mapping[str, Any]],
    exceptions: Sequence[Mapping[str, Any]],
    from_on: datetime.date | None,
    until_on: datetime.date | None,
) -> Iterator[tuple[str, str]]:
    """All that is wrong with a schedule: pairs of the member's path and a sentence."""
    for place, each in enumerate(hours):
        if each["opens"] >= each["closes"]:
            yield f"hours.{place}.closes", "The hours end before they begin. Give a later end."
    for place, each in enumerate(exceptions):
        path, last_on = f"exceptions.{place}", each["last_on"] or each["first_on"]
        if not 0 <= (last_on - each["first_on"]).days < LONGEST_EXCEPTION_DAYS:
            yield f"{path}.last_on", "Give a last day that is not before the first, and within a year of it."
        if (each["opens"] is None) != (each["closes"] is None):
            yield f"{path}.closes", "Give both the beginning and the end, or neither where nobody is seen."
        elif each["opens"] is not None and each["opens"] >= each["closes"]:
            yield f"{path}.closes", "The hours end before they begin. Give a later end."
    if from_on is not None and until_on is not None and until_on < from_on:
        yield "until_on", "The last day is before the first."


def instant(day: datetime.date, clock: str, zone: ZoneInfo, *, is_end: bool = False) -> datetime.datetime:
    """A local time as an instant in UTC. Of a time that a change of the clocks repeats, an end takes the second.

    A time that the change leaves out becomes the same time after it, as on a clock that nobody has set.
    """
    wall = datetime.datetime.combine(day, datetime.time.fromisoformat(clock), zone)
    if is_end and _exists(wall.replace(fold=1)):
        wall = wall.replace(fold=1)
    return wall.astimezone(datetime.UTC)


def _exists(wall: datetime.datetime) -> bool:
    """Whether clocks show this time: a change of the clocks may leave it out."""
    there = wall.astimezone(datetime.UTC).astimezone(wall.tzinfo)
    return there.replace(tzinfo=None) == wall.replace(tzinfo=None, fold=there.fold)


def within(day: datetime.date, first: datetime.date | None, last: datetime.date | None) -> bool:
    """Whether a day lies in a period that may be open on both sides."""
    return (first is None or day >= first) and (last is None or day <= last)


def free_starts(
    openings: Iterable[Span],
    taken: Iterable[Span],
    minutes: int,
    earliest: datetime.datetime,
    latest: datetime.datetime,
) -> list[datetime.datetime]:
    """When an appointment of so many minutes can begin, from `earliest` to before `latest`.

    Times follow one another from the beginning of the opening hours, so that appointments of one type leave no gaps.
    """
    step = datetime.timedelta(minutes=minutes)
    busy = sorted(taken)
    found = []
    for opens, closes in sorted(openings):
        start = opens
        while start + step <= closes:
            if earliest <= start < latest and not _meets(busy, start, start + step):
                found.append(start)
            start += step
    return sorted(set(found))


def _meets(busy: Sequence[Span], start: datetime.datetime, end: datetime.datetime) -> bool:
    return any(begins < end and ends > start for begins, ends in busy)


def bounds(
    now: datetime.datetime, zone: ZoneInfo, lead_days: int, days_ahead: int
) -> tuple[datetime.datetime, datetime.datetime]:
    """From when and until when somebody may book, by the days of the place: `lead_days` from today, to `days_ahead` from today."""
    today = now.astimezone(zone).date()
    earliest = now if lead_days == 0 else instant(today + datetime.timedelta(days=lead_days), "00:00", zone)
    return earliest, instant(today + datetime.timedelta(days=days_ahead + 1), "00:00", zone)
