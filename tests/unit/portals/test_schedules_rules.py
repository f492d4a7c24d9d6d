"""Opening hours as instants: across both changes of the clocks; and the free times in them."""

from __future__ import annotations

import datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.portals.schedules import rules
from services.portals.schedules.opening import openings
from services.portals.working_days.holidays_of_regions import is_region

UTC = datetime.UTC
NEW_YORK = ZoneInfo("America/New_York")
MINUTE = datetime.timedelta(minutes=1)


def a_schedule(opens: str, closes: str, **members: Any) -> Any:
    hours = {
        "weekdays": [1, 2, 3, 4, 5, 6, 7],
        "opens": opens,
        "closes": closes,
        "every_weeks": 1,
        "starting_on": None,
    }
    usual = {"time_zone": "America/New_York", "holidays": None, "from_on": None, "until_on": None}
    return SimpleNamespace(**(usual | {"hours": [hours], "exceptions": []} | members))


def starts(schedule: Any, day: str, minutes: int = 30, taken: Any = ()) -> list[str]:
    on = datetime.date.fromisoformat(day)
    found = rules.free_starts(
        openings(schedule, on, on), taken, minutes, datetime.datetime.min.replace(tzinfo=UTC), _FAR
    )
    return [each.strftime("%H:%M") for each in found]


_FAR = datetime.datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-03-07", ["14:00", "14:30"]),  # winter: nine o'clock is 14:00 in UTC
        ("2026-03-08", ["13:00", "13:30"]),  # the clocks were set forward this morning
        ("2026-10-31", ["13:00", "13:30"]),
        ("2026-11-01", ["14:00", "14:30"]),  # and back
    ],
)
def test_nine_in_the_morning_is_nine_on_the_wall_all_year(day: str, expected: list[str]) -> None:
    assert starts(a_schedule("09:00", "10:00"), day) == expected


def test_in_the_night_of_the_change_hours_are_as_long_as_they_last() -> None:
    # From one to three there is one hour in spring and three in autumn.
    night = a_schedule("01:00", "03:00")
    assert starts(night, "2026-03-08") == ["06:00", "06:30"]
    assert starts(night, "2026-11-01", 60) == ["05:00", "06:00", "07:00"]
    # A time that is left out counts as the hour before has it; one that is repeated ends with its second.
    assert starts(a_schedule("02:30", "04:00"), "2026-03-08") == ["07:30"]
    assert starts(a_schedule("01:00", "01:30"), "2026-11-01") == ["05:00", "05:30", "06:00"]
    assert starts(a_schedule("01:55", "02:05"), "2026-03-08", 5) == ["06:55", "07:00"]


def test_a_time_must_fit_between_what_is_taken() -> None:
    schedule = a_schedule("09:00", "11:00", time_zone="UTC")

    def at(clock: str) -> datetime.datetime:
        return datetime.datetime.fromisoformat(f"2026-05-04T{clock}:00+00:00")

    taken = [(at("09:35"), at("09:40"))]
    assert starts(schedule, "2026-05-04", 30, taken) == ["09:00", "10:00", "10:30"]
    assert starts(schedule, "2026-05-04", 45, taken) == ["09:45"]
    assert starts(schedule, "2026-05-04", 50) == ["09:00", "09:50"]
    touching = [(at("09:00"), at("09:30")), (at("10:00"), at("10:30"))]
    assert starts(schedule, "2026-05-04", 30, touching) == ["09:30", "10:30"]


def test_the_days_that_can_be_booked_are_those_of_the_place() -> None:
    # Eleven at night in New York, when it is tomorrow in UTC.
    now = datetime.datetime(2026, 5, 5, 3, tzinfo=UTC)
    assert rules.bounds(now, NEW_YORK, 0, 0) == (now, datetime.datetime(2026, 5, 5, 4, tzinfo=UTC))
    earliest, latest = rules.bounds(now, NEW_YORK, 1, 2)
    assert (earliest, latest - MINUTE) == (
        datetime.datetime(2026, 5, 5, 4, tzinfo=UTC),
        datetime.datetime(2026, 5, 7, 3, 59, tzinfo=UTC),
    )


def test_regions_are_countries_and_their_parts() -> None:
    assert [is_region(each) for each in ("US", "US-CA", "US-XX", "XX", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]
