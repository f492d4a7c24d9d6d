"""The opening hours of a schedule: recurring hours, without holidays, with exceptions."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import WEEKLY, rrule

from services.portals.schedules.rules import Span, instant, within
from services.portals.working_days.holidays_of_regions import is_holiday

_A_MONDAY = datetime.date(2001, 1, 1)


def openings(schedule: Any, first: datetime.date, last: datetime.date) -> list[Span]:
    """When a schedule is open from the first to the last day, as instants in UTC."""
    zone = ZoneInfo(schedule.time_zone)
    found = []
    for day, opens, closes in _hours_of_days(schedule, first, last):
        span = (instant(day, opens, zone), instant(day, closes, zone, is_end=True))
        if span[0] < span[1]:
            found.append(span)
    return sorted(found)


def _hours_of_days(
    schedule: Any, first: datetime.date, last: datetime.date
) -> Iterator[tuple[datetime.date, str, str]]:
    other = dict(_exceptions(schedule.exceptions, first, last))
    for day, hours in other.items():
        if within(day, schedule.from_on, schedule.until_on):
            for opens, closes in hours:
                yield day, opens, closes
    for each in schedule.hours:
        for day in _days(each, first, last):
            if (
                day not in other
                and within(day, schedule.from_on, schedule.until_on)
                and not is_holiday(schedule.holidays, day)
            ):
                yield day, each["opens"], each["closes"]


def _days(hours: Mapping[str, Any], first: datetime.date, last: datetime.date) -> Iterator[datetime.date]:
    """The days of recurring hours. Weeks are counted from the one of `starting_on`, by default from any Monday."""
    starting = datetime.date.fromisoformat(hours["starting_on"]) if hours["starting_on"] else None
    anchor = starting or _A_MONDAY
    monday = anchor - datetime.timedelta(days=anchor.weekday())
    weeks = hours["every_weeks"]
    ahead = max(0, (first - monday).days // (7 * weeks))
    begin = monday + datetime.timedelta(weeks=ahead * weeks)
    rule = rrule(
        WEEKLY,
        interval=weeks,
        byweekday=[each - 1 for each in hours["weekdays"]],
        dtstart=datetime.datetime.combine(begin, datetime.time()),
        until=datetime.datetime.combine(last, datetime.time()),
    )
    for moment in rule:
        if moment.date() >= first and within(moment.date(), starting, None):
            yield moment.date()


def _exceptions(
    exceptions: list[Mapping[str, Any]], first: datetime.date, last: datetime.date
) -> Iterator[tuple[datetime.date, list[tuple[str, str]]]]:
    """By day, the hours in place of the usual ones. Several exceptions of a day add their hours."""
    found: dict[datetime.date, list[tuple[str, str]]] = {}
    for each in exceptions:
        day = max(datetime.date.fromisoformat(each["first_on"]), first)
        end = min(datetime.date.fromisoformat(each["last_on"] or each["first_on"]), last)
        while day <= end:
            hours = found.setdefault(day, [])
            if each["opens"] is not None:
                hours.append((each["opens"], each["closes"]))
            day += datetime.timedelta(days=1)
    yield from found.items()
