"""Field types of the contracts refuse values that no handler could use."""

from __future__ import annotations

import datetime
import re

import pytest
from marshmallow import Schema, ValidationError

from services.contracts.fields import Id, Moment
from services.contracts.ids import PATTERN
from services.contracts.json_schema import JsonSchemas


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_that_the_calendar_does_not_have_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="in UTC"):
        Moment().deserialize(text)


def test_a_time_is_read_in_utc_whatever_zone_it_is_given_in() -> None:
    read = Moment().deserialize("2026-11-20T10:00:00+02:00")
    assert read == datetime.datetime(2026, 11, 20, 8, tzinfo=datetime.UTC)
    assert read.tzinfo is datetime.UTC


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
