"""Service times count on the days on which an organisation works, in its time zone."""

from __future__ import annotations

import datetime
from functools import partial
from typing import Any

import pytest

from services.portals.working_days.holidays_of_regions import is_holiday
from services.portals.working_days.rules import WorkingDays

UTC = datetime.UTC
WEEK = (1, 2, 3, 4, 5)
LATE_ON_FRIDAY = datetime.datetime(2026, 3, 14, 3, 30, tzinfo=UTC)  # in New York


def at(day: int, hour: int = 12, month: int = 3) -> datetime.datetime:
    return datetime.datetime(2026, month, day, hour, tzinfo=UTC)


def after(start: datetime.datetime, hours: int, **members: Any) -> datetime.datetime:
    usual: dict[str, Any] = {
        "time_zone": "UTC",
        "weekdays": WEEK,
        "closed_on": (),
        "is_holiday": lambda _: False,
    }
    return WorkingDays(**usual | members).after(start, hours)


@pytest.mark.parametrize(
    ("start", "hours", "members", "expected"),
    [
        (at(4), 24, {}, at(5)),  # Wednesday to Thursday
        (at(6), 24, {}, at(9)),  # Friday to Monday
        (at(6), 12, {}, at(7, 0)),  # the whole of Friday is left
        (at(7), 1, {}, at(9, 1)),  # Saturday: from Monday on
        (at(4), 72, {}, at(9)),  # three working days
        (at(6), 24, {"weekdays": range(1, 8)}, at(7)),
        (at(4), 24, {"closed_on": (datetime.date(2026, 3, 5),)}, at(6)),
        (at(2, month=7), 24, {"is_holiday": partial(is_holiday, "US")}, at(6, month=7)),  # 3 July is one, 2026
        (at(2, month=7), 24, {"is_holiday": partial(is_holiday, "DE")}, at(3, month=7)),
        (at(2, month=7), 24, {"is_holiday": partial(is_holiday, None)}, at(3, month=7)),
        # 23:30 in New York is Saturday in UTC, and half an hour of Friday is left.
        (LATE_ON_FRIDAY, 1, {"time_zone": "America/New_York"}, LATE_ON_FRIDAY + datetime.timedelta(hours=49)),
    ],
)  # fmt: skip
def test_only_days_that_are_worked_count(
    start: datetime.datetime, hours: int, members: dict[str, Any], expected: datetime.datetime
) -> None:
    assert after(start, hours, **members) == expected


def test_who_is_closed_for_more_than_a_year_is_taken_to_work() -> None:
    found = after(at(4), 24, is_holiday=lambda _: True)
    assert found - at(4) < datetime.timedelta(days=370)


def test_the_day_is_that_of_the_organisation() -> None:
    days = WorkingDays("Pacific/Auckland", WEEK, (), lambda _: False)
    assert days.today(at(4, 13)) == datetime.date(2026, 3, 5)
