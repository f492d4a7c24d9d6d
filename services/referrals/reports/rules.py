"""Rules of reports: days as numbers, classes of duration, periods.

A day is stored as the number of days since 1970-01-01, a week as the number of weeks since then (they begin on Monday), a
month as the number of months since January 1970. Numbers are grouped and compared in the same way by every database. A
duration is stored as the number of its class, so that a percentile over millions is a sum over a few hundred classes. A class
is so narrow that its middle is within 1 % of every duration in it.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass

from services.contracts.errors import Refused

EPOCH = datetime.date(1970, 1, 1)
MAX_DAYS = 3_660  # ten years; a longer period is queried in parts
MAX_DAYS_BY_DAY = 400

# Up to this many seconds each second is one class. Above, each class is 2 % wider than the one before.
_EXACT_TO_S = 50
_WIDTH = 1.02
_LOG_WIDTH = math.log(_WIDTH)

BY_TIME = ("month", "week", "day")
GROUPS = ("queue", "program", "agency", "status", *BY_TIME)


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to `last`, both included, as day numbers."""

    first: int
    last: int


def day_number(on: datetime.date) -> int:
    """The day's number."""
    return (on - EPOCH).days


def day_of_number(number: int) -> datetime.date:
    """The day of that number."""
    return EPOCH + datetime.timedelta(days=number)


def month_number(on: datetime.date) -> int:
    """The number of the day's month."""
    return (on.year - EPOCH.year) * 12 + on.month - 1


def week_number(day: int) -> int:
    """The number of the week that a day belongs to."""
    return (day + 3) // 7


def days_of_week(number: int) -> tuple[int, int]:
    """The numbers of a week's Monday and Sunday."""
    return number * 7 - 3, number * 7 + 3


def number_of_time(group_by: str, day: int) -> int:
    """The number of the month, week or day that a day belongs to."""
    if group_by == "month":
        return month_number(day_of_number(day))
    return week_number(day) if group_by == "week" else day


def last_settled_day(now: datetime.datetime) -> int:
    """The last day that gets no more moves, in any time zone.

    No time zone is behind the day before the present one in UTC. The day before that may be the day of a transaction that
    is still being committed. One more day allows for clocks that are wrong.
    """
    return day_number(now.astimezone(datetime.UTC).date()) - 3


def last_closed_week(now: datetime.datetime) -> int:
    """The last week whose days are all settled."""
    return week_number(last_settled_day(now) + 1) - 1


def duration_class(seconds: float) -> int:
    """The class of a duration. A negative duration (from two clocks that differ) counts as 0."""
    whole = max(0, int(seconds))
    if whole <= _EXACT_TO_S:
        return whole
    return _EXACT_TO_S + 1 + int(math.log(whole / _EXACT_TO_S) / _LOG_WIDTH)


def duration_of_class(number: int) -> int:
    """The seconds that represent a class: exact up to 50, else its middle, at most 1 % away from each duration in it."""
    if number <= _EXACT_TO_S:
        return number
    lower = _EXACT_TO_S * _WIDTH ** (number - _EXACT_TO_S - 1)
    return round(lower * math.sqrt(_WIDTH))


def check_period(from_on: datetime.date, to_on: datetime.date, group_by: str | None) -> Period:
    """The period, both days included. Raises Refused `invalid_request` if it ends before it begins or is too long."""
    if to_on < from_on:
        raise Refused("invalid_request", "to_on: give a day that is not before from_on.", "to_on")
    most = MAX_DAYS_BY_DAY if group_by == "day" else MAX_DAYS
    if (to_on - from_on).days >= most:
        detail = f"to_on: at most {most:,} days in one question; ask for a shorter period."
        raise Refused("invalid_request", detail, "to_on")
    return Period(day_number(from_on), day_number(to_on))


def label_of_time(group_by: str, number: int) -> str:
    """The text for the number of a month ("2026-03"), a week ("2026-W09", ISO 8601) or a day ("2026-03-01")."""
    if group_by == "month":
        return f"{EPOCH.year + number // 12:04d}-{number % 12 + 1:02d}"
    if group_by == "week":
        year, week, _ = day_of_number(number * 7 - 3).isocalendar()
        return f"{year:04d}-W{week:02d}"
    return day_of_number(number).isoformat()
