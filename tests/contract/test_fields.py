"""Field types of the contracts refuse values that no handler could use."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import Schema, ValidationError, fields, validate
from marshmallow.fields import Field

from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import all_operations
from services.contracts.fields import LARGEST, CalendarMoment, Id, Moment, Text, TimeZone, can_be_stored
from services.contracts.ids import PATTERN
from services.contracts.json_schema import JsonSchemas


@pytest.mark.parametrize("text", ["", "  ", *"\u200b\u202e\ufeff\u00ad\u200f", " \u200b\u00a0\u2060\n"])
def test_a_text_of_which_nobody_can_see_anything_is_empty(text: str) -> None:
    with pytest.raises(ValidationError, match="between 1 and 255"):
        Text().deserialize(text)
    assert Text(least=0).deserialize(text) == ""


def test_characters_for_layout_stay_in_a_text_that_can_be_seen() -> None:
    assert Text().deserialize("\u0645\u06cc\u200c\u062e ") == "\u0645\u06cc\u200c\u062e"


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_that_the_calendar_does_not_have_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="in UTC"):
        Moment().deserialize(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z"])
def test_a_time_for_which_something_is_planned_leaves_room_in_every_zone(text: str) -> None:
    with pytest.raises(ValidationError, match="from 1970-01-01 to 2199-12-31"):
        CalendarMoment().deserialize(text)
    for allowed in ("1970-01-01T00:00:00Z", "2199-12-31T23:59:59Z"):
        CalendarMoment().deserialize(allowed)


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


HEX = "0123456789abcdef0123456789abcdef"
DASHED = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize("text", [HEX, DASHED, HEX.upper(), DASHED.upper()])
def test_an_identifier_is_accepted_with_and_without_dashes_and_kept_without(text: str) -> None:
    assert re.search(PATTERN, text)
    assert Id().deserialize(text) == HEX


@pytest.mark.parametrize(
    "text",
    [
        "", HEX[1:], HEX + "0", DASHED[1:], "g" * 32, f"{{{DASHED}}}", f"urn:uuid:{DASHED}", f"{HEX}\n", f" {HEX}",
        f"{HEX[:8]}-{HEX[8:]}", "-".join(HEX), "\N{ARABIC-INDIC DIGIT ONE}" * 32,
    ],
)  # fmt: skip
def test_what_the_schema_of_an_identifier_refuses_is_refused(text: str) -> None:
    assert text.endswith("\n") or not re.search(PATTERN, text)  # in Python, `$` lets a line break pass
    with pytest.raises(ValidationError, match="Not an identifier"):
        Id().deserialize(text)


def test_an_identifier_is_declared_as_it_is_sent() -> None:
    """`format: uuid` demands dashes, which our ids do not have."""
    member = JsonSchemas().of(Schema.from_dict({"id": Id()})())["properties"]["id"]

    assert member == {"type": "string", "pattern": PATTERN}


@pytest.mark.parametrize(
    "name", ["localtime", "posixrules", "Factory", "europe/berlin", "../Europe/Berlin", ""]
)
def test_what_is_no_time_zone_of_every_machine_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        TimeZone().deserialize(name)


def test_a_time_zone_is_taken_as_it_is_named() -> None:
    assert TimeZone().deserialize("Europe/Berlin") == "Europe/Berlin"
