"""Rules of an organisation's days."""

from __future__ import annotations

import datetime

import pytest

from services.contracts.errors import Refused
from services.referrals.calendar import rules


def test_a_day_begins_where_the_organisation_is() -> None:
    at = datetime.datetime(2026, 3, 1, 2, 30, tzinfo=datetime.UTC)

    assert rules.local_day(at, "UTC") == datetime.date(2026, 3, 1)
    assert rules.local_day(at, "America/New_York") == datetime.date(2026, 2, 28)


def test_a_zone_that_does_not_exist_is_refused() -> None:
    for name in ("Mars/Olympus", "America", "../../etc/passwd"):
        with pytest.raises(Refused) as refused:
            rules.check_time_zone(name)
        assert refused.value.field == "time_zone"
