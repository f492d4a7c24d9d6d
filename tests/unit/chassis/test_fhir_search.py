"""What searches by FHIR refuse before they reach a database."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis.fhir_search import LONGEST_VALUE, MAX_COUNT, MOST_VALUES, moments, read_search
from services.contracts.errors import Refused

KNOWN = {"_id": "token", "_lastUpdated": "date", "_since": "date", "name": "string"}


def refusal_of(**given: Any) -> tuple[str, str | None]:
    with pytest.raises(Refused) as refusal:
        read_search("Task", KNOWN, given)
    return refusal.value.code, refusal.value.field


@pytest.mark.fault("A1")
@pytest.mark.parametrize(
    "values",
    [
        [",".join(["a"] * (MOST_VALUES + 1))],
        ["a"] * (MOST_VALUES + 1),
        [",".join(["a"] * MOST_VALUES), "a"],
        [",".join(["a"] * 100_000)],
        ["," * MOST_VALUES],
        ["a" * (LONGEST_VALUE + 1)],
        ["a,a," + "b" * (LONGEST_VALUE + 1)],
    ],
)
def test_too_many_values_and_too_long_ones_are_refused_and_the_parameter_named(values: list[str]) -> None:
    assert refusal_of(name=values) == ("search_refused", "name")


@pytest.mark.fault("A1")
def test_the_values_of_all_parameters_count_together() -> None:
    half = ",".join(["a"] * (MOST_VALUES // 2))

    assert refusal_of(_id=[half], name=[half + ",a"]) == ("search_refused", "name")
    wanted = read_search("Task", KNOWN, {"_id": [half], "name": [half]})
    assert [len(values) for _, values in wanted.conditions] == [MOST_VALUES // 2] * 2


def test_the_longest_value_is_taken() -> None:
    (condition,) = read_search("Task", KNOWN, {"name": ["é" * LONGEST_VALUE]}).conditions

    assert condition == ("name", ("é" * LONGEST_VALUE,))


@pytest.mark.fault("A1")
@pytest.mark.parametrize("digits", [LONGEST_VALUE + 1, 5000, 300_000])
def test_a_count_of_thousands_of_digits_is_refused(digits: int) -> None:
    assert refusal_of(_count=["9" * digits]) == ("search_refused", "_count")


def test_a_large_count_gets_a_page() -> None:
    assert read_search("Task", KNOWN, {"_count": ["9" * LONGEST_VALUE]}).count == MAX_COUNT


@pytest.mark.fault("A1")
@pytest.mark.parametrize("prefix", ["", "ge", "gt", "le", "lt"])
@pytest.mark.parametrize("day", ["0001-01-01", "0001", "9999", "9999-12", "9999-06-01T00:00:00Z"])
def test_a_date_to_which_no_days_can_be_added_is_refused(prefix: str, day: str) -> None:
    with pytest.raises(Refused) as refusal:
        moments(prefix + day, "date")
    assert (refusal.value.code, refusal.value.field) == ("search_refused", "date")


@pytest.mark.parametrize("year", ["0002", "9998"])
def test_the_first_and_the_last_year_are_taken(year: str) -> None:
    begin, end = moments(year, "date")

    assert begin is not None
    assert end is not None
    assert (begin.year, end.year) == (int(year), int(year) + 1)
