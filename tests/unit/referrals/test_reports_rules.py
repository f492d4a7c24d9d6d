"""Rules of reports: classes of duration, days in a zone, and small cells that stay blank."""

from __future__ import annotations

import datetime
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.errors import Refused
from services.referrals.calendar.rules import local_day
from services.referrals.reports import rules
from services.referrals.reports.suppression import blank_cells

FAR_ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago")


@given(st.integers(0, 400_000_000))
def test_a_class_of_duration_is_within_one_percent_of_every_duration_in_it(seconds: int) -> None:
    stands_for = rules.duration_of_class(rules.duration_class(seconds))

    assert abs(stands_for - seconds) <= (0.01 * seconds + 0.5 if seconds > 50 else 0)


@given(st.integers(0, 400_000_000), st.integers(0, 400_000_000))
def test_a_longer_duration_is_in_no_lower_class(one: int, other: int) -> None:
    shorter, longer = sorted((one, other))

    assert rules.duration_class(shorter) <= rules.duration_class(longer) < 2**15


@given(st.dates(datetime.date(1990, 1, 1), datetime.date(2100, 1, 1)))
def test_days_months_and_weeks_are_written_as_the_calendar_has_them(on: datetime.date) -> None:
    day = rules.day_number(on)
    year, week, _ = on.isocalendar()

    assert rules.label_of_time("day", day) == on.isoformat()
    assert rules.label_of_time("month", rules.month_number(on)) == f"{on:%Y-%m}"
    assert rules.label_of_time("week", rules.week_number(day)) == f"{year:04d}-W{week:02d}"
    assert rules.number_of_time("month", day) == rules.month_number(on)
    monday, sunday = rules.days_of_week(rules.week_number(day))
    assert monday <= day <= sunday == monday + 6
    assert rules.day_of_number(monday).isoweekday() == 1


@given(st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2090, 1, 1)), st.sampled_from(FAR_ZONES))
def test_a_settled_day_is_over_by_a_day_and_more_everywhere(at: datetime.datetime, zone: str) -> None:
    now = at.replace(tzinfo=datetime.UTC)

    here = rules.day_number(local_day(now, zone))
    assert rules.last_settled_day(now) + 2 <= here
    last = rules.days_of_week(rules.last_closed_week(now))[1]
    assert last <= rules.last_settled_day(now) < last + 7


def test_a_period_that_is_turned_round_or_too_long_is_refused() -> None:
    day = datetime.date(2026, 1, 1)
    for last, group_by in (
        (day - datetime.timedelta(days=1), None),
        (day + datetime.timedelta(days=500), "day"),
        (day + datetime.timedelta(days=4000), None),
    ):
        with pytest.raises(Refused) as refused:
            rules.check_period(day, last, group_by)
        assert (refused.value.code, refused.value.field) == ("invalid_request", "to_on")
    assert rules.check_period(day, day, "day") == rules.Period(20454, 20454)


def test_a_small_count_takes_another_with_it_where_the_sum_would_tell_it() -> None:
    cells = {"total": 60, "a": 3, "b": 40, "c": 17}

    assert blank_cells(cells, [("total", ["a", "b", "c"])], 5) == {"a", "c"}
    assert blank_cells(cells, [], 5) == {"a"}


def test_two_small_counts_that_make_less_than_the_limit_take_a_third() -> None:
    cells = {"total": 59, "a": 1, "b": 1, "c": 40, "d": 17}

    assert blank_cells(cells, [("total", ["a", "b", "c", "d"])], 5) == {"a", "b", "d"}


def test_nothing_is_blank_where_nothing_is_small_and_zero_is_shown() -> None:
    assert blank_cells({"total": 50, "a": 50, "b": 0}, [("total", ["a", "b"])], 5) == set()


def test_the_sum_itself_is_blank_where_no_other_can_be() -> None:
    assert blank_cells({"total": 3, "a": 3, "b": 0}, [("total", ["a", "b"])], 5) == {"total", "a"}
    assert blank_cells({"total": 9, "a": 4, "b": 0, "c": 5}, [("total", ["a", "b", "c"])], 5) == {"a", "c"}


_TABLES = st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=2, max_size=4)


@given(_TABLES, st.integers(2, 6))
def test_no_small_count_of_a_table_can_be_computed_from_what_is_shown(
    rows: list[list[int]], below: int
) -> None:
    cells: dict[tuple[object, object], int] = {
        (row, column): value for row, values in enumerate(rows) for column, value in enumerate(values)
    }
    sums = []
    for row, column in itertools.product(range(len(rows)), range(3)):
        cells["row", row] = sum(rows[row])
        cells["column", column] = sum(values[column] for values in rows)
    sums += [(("row", row), [(row, column) for column in range(3)]) for row in range(len(rows))]
    sums += [(("column", column), [(row, column) for row in range(len(rows))]) for column in range(3)]

    blank = blank_cells(cells, sums, below)

    for total, parts in sums:
        unknown = [key for key in (total, *parts) if key in blank]
        assert len(unknown) != 1, "one unknown of a sum is no unknown"
        hidden = [key for key in parts if key in blank]
        if total not in blank and hidden:
            assert sum(cells[key] for key in hidden) >= below
    assert {key for key, count in cells.items() if 0 < count < below} <= blank
