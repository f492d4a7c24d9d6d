"""Rules of reports: days as numbers, classes of duration, periods.

A day is the number of days since 1970-01-01, a week that of the weeks since (they begin on Monday), a month that of the
months since January 1970: numbers group and compare alike in every database. Durations are kept as the number of their
class, so that a percentile of millions is a sum over a few hundred classes; a class is so narrow that its middle is within
1 % of every duration in it.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass

from services.contracts.errors import Refused

EPOCH = datetime.date(1970, 1, 1)
MAX_DAYS = 3_660  # ten years: what is longer is asked in parts
MAX_DAYS_BY_DAY = 400

# Up to this many seconds each second is a class of its own; above, each class is 2 % wider than the one before.
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
    """The last day to which no change adds any more, wherever an organisation's days begin.

    The day before the one in UTC is the earliest that a clock on Earth may show, the one before that may be that of a
    transaction that is being committed; and one more for clocks that are wrong.
    """
    return day_number(now.astimezone(datetime.UTC).date()) - 3


def last_closed_week(now: datetime.datetime) -> int:
    """The last week whose days are all settled."""
    return week_number(last_settled_day(now) + 1) - 1


def duration_class(seconds: float) -> int:
    """The class of a duration; what would be negative (two clocks) counts as nothing."""
    whole = max(0, int(seconds))
    if whole <= _EXACT_TO_S:
        return whole
    return _EXACT_TO_S + 1 + int(math.log(whole / _EXACT_TO_S) / _LOG_WIDTH)


def duration_of_class(number: int) -> int:
    """Seconds that stand for a class: exact up to 50, else its middle, at most 1 % away from each member (rounded)."""
    if number <= _EXACT_TO_S:
        return number
    lower = _EXACT_TO_S * _WIDTH ** (number - _EXACT_TO_S - 1)
    return round(lower * math.sqrt(_WIDTH))


def check_period(from_on: datetime.date, to_on: datetime.date, group_by: str | None) -> Period:
    """The period, both days included. Raises Refused `invalid_request` where it is turned round or too long."""
    if to_on < from_on:
        raise Refused("invalid_request", "to_on: give a day that is not before from_on.", "to_on")
    most = MAX_DAYS_BY_DAY if group_by == "day" else MAX_DAYS
    if (to_on - from_on).days >= most:
        detail = f"to_on: at most {most:,} days in one question; ask for a shorter period."
        raise Refused("invalid_request", detail, "to_on")
    return Period(day_number(from_on), day_number(to_on))


def label_of_time(group_by: str, number: int) -> str:
    """How a month ("2026-03"), a week ("2026-W09", ISO 8601) or a day ("2026-03-01") is written."""
    if group_by == "month":
        return f"{EPOCH.year + number // 12:04d}-{number % 12 + 1:02d}"
    if group_by == "week":
        year, week, _ = day_of_number(number * 7 - 3).isocalendar()
        return f"{year:04d}-W{week:02d}"
    return day_of_number(number).isoformat()
