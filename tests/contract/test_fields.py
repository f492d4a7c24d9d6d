"""Field types of the contracts refuse values that no handler could use."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import ValidationError, fields, validate
from marshmallow.fields import Field

from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import all_operations
from services.contracts.fields import LARGEST, Moment, can_be_stored


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_that_the_calendar_does_not_have_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="in UTC"):
        Moment().deserialize(text)


def test_a_time_is_read_in_utc_whatever_zone_it_is_given_in() -> None:
    read = Moment().deserialize("2026-11-20T10:00:00+02:00")
    assert read == datetime.datetime(2026, 11, 20, 8, tzinfo=datetime.UTC)
    assert read.tzinfo is datetime.UTC


def _within(field: Field[Any], path: str) -> Iterator[tuple[str, Field[Any]]]:
    """A field, or those within it."""
    if isinstance(field, fields.Nested):
        for name, member in field.schema.fields.items():
            yield from _within(member, f"{path}.{name}")
    elif isinstance(field, fields.List):
        yield from _within(field.inner, f"{path}[]")
    elif isinstance(field, fields.Dict) and field.value_field is not None:
        yield from _within(field.value_field, f"{path}{{}}")
    else:
        yield path, field


def _largest(field: Field[Any]) -> float:
    ends = [
        each.max for each in field.validators if isinstance(each, validate.Range) and each.max is not None
    ]
    return min(ends, default=float("inf"))


@pytest.mark.fault("A1")
def test_no_request_takes_a_number_that_no_database_holds() -> None:
    numbers = [
        (f"{operation.address} {path}", field)
        for operation in all_operations(CONTRACTS)
        for name, member in operation.request.fields.items()
        for path, field in _within(member, name)
        if isinstance(field, fields.Number)
    ]

    assert [path for path, field in numbers if _largest(field) > LARGEST] == []
    assert len(numbers) > 50


@pytest.mark.parametrize(
    ("text", "can"), [("Ærø", True), ("", True), ("a\tb", True), ("a\0b", False), ("\ud800", False)]
)
def test_a_text_that_no_database_holds_is_known(text: str, can: bool) -> None:
    assert can_be_stored(text) is can
