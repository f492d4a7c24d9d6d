"""Rules of offers to several programs, and of work on many."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from services.contracts.errors import Refused
from services.contracts.referrals.bulk import LINE_STATES as LINE_STATES_TOLD
from services.contracts.referrals.bulk import MOST_LINES as MOST_LINES_TOLD
from services.contracts.referrals.offers import STATES as STATES_TOLD
from services.referrals.bulk import rules as bulk
from services.referrals.offers import rules
from services.referrals.queues.rules import DEFAULT_STATUSES, Status

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(hours=1), NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("key", "is_taken"),
    [
        ("referred", False),
        ("attempting_contact", True),
        ("enrolled", True),
        ("completed", True),
        ("declined", False),
    ],
)
def test_an_offer_is_taken_by_whatever_is_more_than_an_offer_and_no_refusal(key: str, is_taken: bool) -> None:
    status = next(each for each in DEFAULT_STATUSES if each.key == key)
    assert rules.takes(status) is is_taken


def test_a_refusal_takes_no_offer_whatever_stage_an_editor_gave_it() -> None:
    assert not rules.takes(Status("no", "No", 4, True, "rejected", category="enrolled"))


@pytest.mark.parametrize(
    ("state", "expires_at", "opens"),
    [
        (rules.EXHAUSTED, None, True),
        (rules.EXHAUSTED, LATER, True),
        (rules.EXHAUSTED, NOW, False),
        (rules.ACCEPTED, None, False),
        (rules.WITHDRAWN, None, False),
        (rules.EXPIRED, LATER, False),
    ],
)
def test_only_an_offer_that_all_declined_opens_again_and_in_time(
    state: str, expires_at: datetime | None, opens: bool
) -> None:
    assert rules.may_open_again(state, expires_at, NOW) is opens


def test_the_end_is_a_time_or_a_number_of_hours() -> None:
    assert rules.end_of(None, None, NOW) is None
    assert rules.end_of(None, 1, NOW) == LATER
    assert rules.end_of(LATER, None, NOW) == LATER
    for wrong in ((EARLIER, None), (NOW, None), (LATER, 1)):
        with pytest.raises(Refused) as refused:
            rules.end_of(*wrong, NOW)
        assert refused.value.code == "invalid_request"


def test_what_is_told_is_what_the_rules_know() -> None:
    assert set(rules.STATES) == set(STATES_TOLD)
    assert (bulk.LINE_STATES, bulk.MOST_LINES) == (LINE_STATES_TOLD, MOST_LINES_TOLD)


@pytest.mark.parametrize(("wanted", "free", "left"), [(5, None, 0), (5, 5, 0), (5, 3, 2), (0, 0, 0)])
def test_who_finds_no_place_is_counted(wanted: int, free: int | None, left: int) -> None:
    assert bulk.without_a_place(wanted, free) == left


def test_a_forecast_names_only_reasons_that_occur_the_most_frequent_first() -> None:
    told = bulk.forecast(10, Counter(not_found=1, capacity_exhausted=4, already_assigned=0))
    assert (told["total"], told["done"], told["failed"], told["waiting"]) == (10, 5, 5, 0)
    assert told["reasons"] == [
        {"reason": "capacity_exhausted", "count": 4},
        {"reason": "not_found", "count": 1},
    ]
