"""Limits on tries for one login and from one address."""

from __future__ import annotations

import datetime

from hypothesis import given
from hypothesis import strategies as st

from services.identity.secrets import rules
from services.identity.secrets.rules import Tries

START = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
NOW = datetime.datetime(2030, 1, 1, 12, 0, 0, tzinfo=datetime.UTC)


def test_an_ipv6_customer_is_one_place():
    assert rules.neighbourhood("2001:db8:1:2:3:4:5:6") == rules.neighbourhood("2001:db8:1:2:ffff::1")
    assert rules.neighbourhood("2001:db8:1:2::1") != rules.neighbourhood("2001:db8:1:3::1")
    assert rules.neighbourhood("::ffff:192.0.2.7") == "192.0.2.7"


@given(st.lists(st.integers(0, 400), max_size=300))
def test_no_window_holds_more_tries_from_an_address_than_allowed(pauses: list[int]):
    now, tries, admitted = NOW, Tries(), []
    for pause in pauses:
        now += datetime.timedelta(seconds=pause)
        admission = rules.admit_from_address(tries, now, 5)
        tries = admission.tries
        if admission.is_allowed:
            admitted.append(now)
        else:
            assert 0 < admission.retry_after_s <= rules.ADDRESS_REST_S + 1
            later = now + datetime.timedelta(seconds=admission.retry_after_s)
            assert rules.admit_from_address(tries, later, 5).is_allowed
    # Two windows can meet: never more than two full ones in any quarter of an hour.
    for begin in admitted:
        span = [at for at in admitted if 0 <= (at - begin).total_seconds() < rules.ADDRESS_REST_S]
        assert len(span) <= 10


def test_the_first_tries_are_free_and_the_next_wait_longer_and_longer() -> None:
    tries, waits = rules.Tries(), []
    now = START
    for _ in range(9):
        admission = rules.admit_try(tries, now, rules.LOGIN_LIMIT)
        while not admission.is_allowed:
            waits.append(admission.retry_after_s)
            now += datetime.timedelta(seconds=admission.retry_after_s)
            admission = rules.admit_try(tries, now, rules.LOGIN_LIMIT)
        tries = admission.tries
    assert len(waits) == 6
    assert waits == sorted(set(waits))


def test_a_refused_try_is_not_counted_so_nobody_can_keep_the_owner_out() -> None:
    tries = rules.Tries(10, 10, START)
    for second in range(0, 900, 10):
        admission = rules.admit_try(tries, START + datetime.timedelta(seconds=second), rules.LOGIN_LIMIT)
        assert not admission.is_allowed
        tries = admission.tries
    assert rules.admit_try(tries, START + datetime.timedelta(seconds=900), rules.LOGIN_LIMIT).is_allowed


def test_after_a_hundred_failures_in_a_row_waiting_does_not_help() -> None:
    tries = rules.Tries(1, 100, START)
    assert not rules.admit_try(tries, START + datetime.timedelta(days=30), rules.LOGIN_LIMIT).is_allowed


@given(st.lists(st.integers(min_value=0, max_value=1200), max_size=120))
def test_no_quarter_of_an_hour_ever_holds_more_than_ten_verifications(gaps_s: list[int]) -> None:
    tries, now, allowed = rules.Tries(), START, []
    for gap in gaps_s:
        now += datetime.timedelta(seconds=gap)
        admission = rules.admit_try(tries, now, rules.LOGIN_LIMIT)
        tries = admission.tries
        if admission.is_allowed:
            allowed.append(now)
    quarter = datetime.timedelta(seconds=900)
    for index, first in enumerate(allowed):
        assert sum(moment - first < quarter for moment in allowed[index:]) <= 10
    assert len(allowed) <= 100
