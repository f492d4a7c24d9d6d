"""Field types of the contracts refuse values that no handler could use."""

from __future__ import annotations

import datetime

import pytest
from marshmallow import ValidationError

from services.contracts.fields import Moment


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_that_the_calendar_does_not_have_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="in UTC"):
        Moment().deserialize(text)


def test_a_time_is_read_in_utc_whatever_zone_it_is_given_in() -> None:
    read = Moment().deserialize("2026-11-20T10:00:00+02:00")
    assert read == datetime.datetime(2026, 11, 20, 8, tzinfo=datetime.UTC)
    assert read.tzinfo is datetime.UTC
