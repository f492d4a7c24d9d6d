"""A cursor says where a page ended, and is valid for its own order only."""

from __future__ import annotations

import base64
import datetime
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.cursors import cursor_of, read_cursor
from services.contracts.errors import Refused
from services.contracts.fields import LARGEST

ORDER = "things by age"


def refusal_of(cursor: str, order: str = ORDER, *kinds: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        read_cursor(cursor, order, *kinds)
    assert (refused.value.code, refused.value.field) == ("invalid_request", "after")
    return refused.value


def written(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(
    st.datetimes(timezones=st.timezones()),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.integers(-LARGEST, LARGEST),
)
def test_a_cursor_is_read_as_it_was_written(at: datetime.datetime, text: str, number: int) -> None:
    try:
        # A local time that a change of clocks repeats or leaves out equals no time of another zone, so compare in UTC.
        moment = at.astimezone(datetime.UTC)
    except OverflowError:
        return
    cursor = cursor_of(ORDER, at, text, number)
    assert read_cursor(cursor, ORDER, datetime.datetime, str, int) == [moment, text, number]
    assert read_cursor(cursor, ORDER, datetime.datetime, str, int)[0].tzinfo is datetime.UTC


@given(st.text(max_size=60))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    refusal_of(text, ORDER, datetime.datetime, str)


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        {},
        [],
        [ORDER],
        [1, "b"],
        [ORDER, "a", "b"],
        [ORDER, 1],
        [ORDER, True],
        [ORDER, None],
        [ORDER, ["a"]],
    ],
)
def test_what_has_another_shape_is_refused(value: Any) -> None:
    refusal_of(written(value), ORDER, str)


@pytest.mark.parametrize("time", ["yesterday", "", "0001-01-01T00:00:00+14:00", 20260101])
def test_a_time_is_one(time: Any) -> None:
    refusal_of(written([ORDER, time]), ORDER, datetime.datetime)


def test_a_number_is_one_and_no_truth() -> None:
    refusal_of(written([ORDER, True]), ORDER, int)


def test_another_lists_cursor_is_told_apart() -> None:
    refusal = refusal_of(cursor_of("things by name", "x"), ORDER, str)
    assert "another list or another order" in refusal.detail
    assert "another" not in refusal_of("nonsense", ORDER, str).detail


@pytest.mark.fault("A1")
@pytest.mark.parametrize("place", [LARGEST + 1, -LARGEST - 1, 2**63, "a\0b", "\ud800"])
def test_a_place_that_no_database_holds_is_no_place(place: Any) -> None:
    refusal_of(written([ORDER, place]), ORDER, type(place))
