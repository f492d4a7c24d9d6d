"""Rules of capacity: claims, totals, schedules and windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.errors import Refused
from services.referrals.capacity.rules import (
    CapacityLine,
    CapacityStatus,
    Mode,
    Period,
    at_window,
    capacity_status,
    check_line,
    check_schedule,
    check_total,
    find_line,
    remind_at,
    steps,
    take_effect,
    window_at,
)

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ZONES = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Pacific/Apia",
]


def beds(total: int = 20, used: int = 0, **parts: object) -> CapacityLine:
    """A line of beds."""
    return replace(CapacityLine(total, "beds", used=used), **parts)  # type: ignore[arg-type]  # names of fields


def weekly(total: int = 5, used: int = 0, **parts: object) -> CapacityLine:
    """A line of new referrals a week."""
    line = CapacityLine(total, "referrals", Mode.PERIOD, used, Period.WEEK)
    return replace(line, **parts)  # type: ignore[arg-type]  # names of fields


def refusal_of(action: Callable[[], object]) -> tuple[str, str | None]:
    """Code and field of the refusal that this raises."""
    with pytest.raises(Refused) as refusal:
        action()
    return refusal.value.code, refusal.value.field


@pytest.mark.seed("S0-9")
@pytest.mark.parametrize(
    "line",
    [
        CapacityLine(20, "beds"),
        CapacityLine(5, "new referrals", Mode.PERIOD, period=Period.WEEK),
        CapacityLine(12, "donation pickups"),
        CapacityLine(0, "beds"),
        CapacityLine(1_000_000, "x" * 40),
    ],
)
def test_the_capacities_of_the_article_are_valid(line: CapacityLine) -> None:
    assert check_line(line) == line


@pytest.mark.parametrize("total", [-1, 1_000_001, 2.0, "5", True, None])
def test_a_total_is_a_whole_number_from_zero_to_a_million(total: object) -> None:
    assert refusal_of(lambda: check_total(total)) == ("invalid_capacity", "total")  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"unit": " "}, "unit"),
        ({"unit": "x" * 41}, "unit"),
        ({"note": "x" * 501}, "note"),
        ({"period": Period.WEEK}, "period"),
        ({"mode": Mode.PERIOD}, "period"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": "America"}, "time_zone"),
        ({"starts_at": NOON.replace(tzinfo=None)}, "starts_at"),
        ({"starts_at": NOON, "ends_at": NOON}, "ends_at"),
        ({"starts_at": NOON, "ends_at": NOON - DAY}, "ends_at"),
        ({"starts_at": NOON, "valid_until": NOON}, "valid_until"),
        ({"ends_at": NOON.replace(tzinfo=None)}, "ends_at"),
        ({"valid_until": NOON.replace(tzinfo=None)}, "valid_until"),
        ({"unit": ""}, "unit"),
    ],
)
def test_a_line_that_breaks_a_rule_is_refused_and_the_field_is_named(
    parts: dict[str, object], field: str
) -> None:
    assert refusal_of(lambda: check_line(beds(**parts))) == ("invalid_capacity", field)  # type: ignore[arg-type]  # names of fields


def test_what_reaches_a_limit_is_valid() -> None:
    assert check_line(beds(unit="x" * 40)).unit == "x" * 40
    assert check_line(beds(unit=" x ")).unit == "x"
    assert check_total(1_000_000) == 1_000_000
    assert check_total(0) == 0
    times = {"starts_at": NOON, "ends_at": NOON + DAY, "valid_until": NOON + DAY}
    assert check_line(beds(**times))  # type: ignore[arg-type]  # names of fields
    assert check_line(beds(ends_at=NOON, valid_until=NOON))  # without a start there is nothing to come after


def test_a_note_of_500_characters_is_kept() -> None:
    assert check_line(beds(note=" " + "x" * 500 + "\n", unit=" family  rooms ")).note == "x" * 500
    assert check_line(beds(unit=" family  rooms ")).unit == "family rooms"


def test_a_total_below_use_is_refused_with_both_numbers() -> None:
    with pytest.raises(Refused) as refusal:
        check_total(15, used=18)

    assert (refusal.value.code, refusal.value.field) == ("capacity_below_use", "total")
    assert refusal.value.more == {"total": 15, "used": 18}
    assert "18" in refusal.value.detail
    assert "15" in refusal.value.detail


def test_the_total_can_be_set_down_to_what_is_used_and_then_nothing_is_free() -> None:
    assert beds(total=check_total(18, used=18), used=18).free == 0


def test_a_period_is_replenished_when_its_window_is_over() -> None:
    line = at_window(weekly(total=2), NOON)
    assert line.window_started_at == window_at(NOON, Period.WEEK, "UTC").starts_at
    full = replace(line, used=2)
    assert at_window(full, NOON + DAY) is full
    assert at_window(full, NOON + 7 * DAY).used == 0


def test_beds_are_not_replenished_by_time() -> None:
    assert at_window(beds(used=20), NOON + 400 * DAY).used == 20


@pytest.mark.seed("S0-8")
def test_a_scheduled_line_takes_effect_by_itself_and_the_line_before_it_comes_back() -> None:
    always, winter = beds(20), beds(30, starts_at=NOON, ends_at=NOON + DAY)
    lines = [winter, always]

    assert find_line(lines, NOON - timedelta(seconds=1)) is always
    assert find_line(lines, NOON) is winter
    assert find_line(lines, NOON + DAY - timedelta(seconds=1)) is winter
    assert find_line(lines, NOON + DAY) is always


@pytest.mark.seed("S0-8")
def test_the_line_that_started_last_is_in_effect() -> None:
    first, second = beds(10, starts_at=NOON - 2 * DAY), beds(11, starts_at=NOON - DAY)

    assert find_line([second, first], NOON) is second
    assert find_line([first, second], NOON) is second
    assert find_line([first, second], NOON - DAY - timedelta(seconds=1)) is first
    assert find_line([first, second], NOON - 3 * DAY) is None


def test_two_lines_that_start_together_are_refused() -> None:
    check_schedule([beds(), beds(starts_at=NOON), beds(starts_at=NOON + DAY)])

    assert refusal_of(lambda: check_schedule([beds(), beds()])) == ("capacity_schedule_clash", "starts_at")
    elsewhere = NOON.astimezone(ZoneInfo("Asia/Kathmandu"))
    clash = refusal_of(lambda: check_schedule([beds(starts_at=NOON), beds(starts_at=elsewhere)]))
    assert clash == ("capacity_schedule_clash", "starts_at")


def test_a_capacity_past_its_validity_reads_unknown() -> None:
    line = beds(20, used=5, valid_until=NOON)

    assert capacity_status(line, NOON - timedelta(seconds=1)) is CapacityStatus.HAS_CAPACITY
    assert capacity_status(line, NOON) is CapacityStatus.UNKNOWN


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (beds(20, 19), CapacityStatus.HAS_CAPACITY),
        (beds(20, 19, has_waitlist=True), CapacityStatus.HAS_CAPACITY),
        (beds(20, 20), CapacityStatus.NO_CAPACITY),
        (beds(0), CapacityStatus.NO_CAPACITY),
        (beds(20, 20, has_waitlist=True), CapacityStatus.NO_CAPACITY_HAS_WAITLIST),
        (beds(20, 19, needs_assessment=True), CapacityStatus.ADDITIONAL_ASSESSMENT_REQUIRED),
        (beds(20, 20, needs_assessment=True), CapacityStatus.NO_CAPACITY),
    ],
)
def test_a_line_reads_as_one_of_the_four_gravity_statuses(line: CapacityLine, status: CapacityStatus) -> None:
    assert capacity_status(line, NOON) is status


def test_a_smaller_schedule_takes_effect_as_far_as_the_taken_places_let_it() -> None:
    line = take_effect(beds(15), used=18)
    assert (line.total, line.used, line.free) == (18, 18, 0)


def test_a_schedule_carries_taken_beds_over_and_a_period_counts_on_where_it_was_left() -> None:
    assert take_effect(beds(30), used=18).free == 12
    assert take_effect(weekly(5, used=0), used=18).used == 0
    assert take_effect(weekly(5, used=4, window_started_at=NOON), used=18).used == 4


def test_a_week_that_is_interrupted_by_one_day_is_not_given_twice() -> None:
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    week = weekly(5, id="week")
    thursday = replace(beds(1), id="day", starts_at=monday + 3 * DAY, ends_at=monday + 4 * DAY)
    lines = [week, thursday]
    used = replace(at_window(week, monday), used=2)

    seen = list(steps(lines, used, 2, thursday.starts_at, monday + 7 * DAY))

    assert [at for at, _, _ in seen] == [monday + 3 * DAY, monday + 4 * DAY, monday + 7 * DAY]
    assert [(line.id, line.total, line.used) for _, line, _ in seen if line] == [
        ("day", 2, 2),
        ("week", 5, 2),
        ("week", 5, 0),
    ]
    assert seen[-1][2] == monday + 14 * DAY


def test_nothing_is_in_effect_between_two_schedules_and_beds_are_still_taken_afterwards() -> None:
    first = replace(beds(3), id="first", starts_at=NOON, ends_at=NOON + DAY)
    second = replace(beds(4), id="second", starts_at=NOON + 2 * DAY)

    seen = [line for _, line, _ in steps([first, second], None, 2, NOON, NOON + 2 * DAY)]

    assert [line and (line.id, line.used) for line in seen] == [("first", 2), None, ("second", 2)]


def test_a_confirmation_is_asked_for_a_day_before_but_not_in_the_first_half() -> None:
    assert remind_at(NOON, NOON + 7 * DAY, DAY) == NOON + 6 * DAY
    assert remind_at(NOON, NOON + DAY, DAY) == NOON + DAY / 2


@pytest.mark.parametrize(
    ("period", "starts", "ends"),
    [
        (Period.DAY, datetime(2026, 3, 4, 5), datetime(2026, 3, 5, 5)),
        (Period.WEEK, datetime(2026, 3, 2, 5), datetime(2026, 3, 9, 4)),
        (Period.MONTH, datetime(2026, 3, 1, 5), datetime(2026, 4, 1, 4)),
    ],
)
def test_windows_begin_at_local_midnight_of_day_monday_and_first(
    period: Period, starts: datetime, ends: datetime
) -> None:
    window = window_at(NOON, period, "America/New_York")

    assert (window.starts_at, window.ends_at) == (starts.replace(tzinfo=UTC), ends.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("now", "zone", "hours"),
    [
        (datetime(2026, 3, 8, 12, tzinfo=UTC), "America/New_York", 23),
        (datetime(2026, 11, 1, 12, tzinfo=UTC), "America/New_York", 25),
        # Midnight is skipped: the clocks go from 0:00 to 1:00.
        (datetime(2018, 11, 4, 12, tzinfo=UTC), "America/Sao_Paulo", 23),
        # The last hour of the day comes twice: the clocks go from 24:00 back to 23:00.
        (datetime(2018, 2, 17, 12, tzinfo=UTC), "America/Sao_Paulo", 25),
    ],
)
def test_a_day_on_which_the_clocks_change_is_shorter_or_longer(now: datetime, zone: str, hours: int) -> None:
    window = window_at(now, Period.DAY, zone)

    assert window.ends_at - window.starts_at == timedelta(hours=hours)


def test_december_is_followed_by_january() -> None:
    window = window_at(datetime(2026, 12, 31, 23, tzinfo=UTC), Period.MONTH, "UTC")

    assert window.ends_at == datetime(2027, 1, 1, tzinfo=UTC)


@given(
    st.datetimes(datetime(2005, 1, 1), datetime(2040, 1, 1)),
    st.sampled_from(Period),
    st.sampled_from(ZONES),
)
def test_windows_hold_their_instant_and_follow_each_other_without_gap(
    naive: datetime, period: Period, zone: str
) -> None:
    now = naive.replace(tzinfo=UTC)
    window = window_at(now, period, zone)

    assert window.starts_at <= now < window.ends_at
    assert window_at(window.starts_at, period, zone) == window
    assert window_at(window.ends_at, period, zone).starts_at == window.ends_at
    assert window_at(window.ends_at - timedelta(microseconds=1), period, zone) == window
