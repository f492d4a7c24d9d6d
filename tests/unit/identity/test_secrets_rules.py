"""Limits on tries for one login and from one address."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.addresses import neighbourhood
from services.identity.secrets import rules
from services.identity.secrets.rules import Tries

START = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
NOW = datetime.datetime(2030, 1, 1, 12, 0, 0, tzinfo=datetime.UTC)


def test_an_ipv6_customer_is_one_place():
    assert neighbourhood("2001:db8:1:2:3:4:5:6") == neighbourhood("2001:db8:1:2:ffff::1")
    assert neighbourhood("2001:db8:1:2::1") != neighbourhood("2001:db8:1:3::1")
    assert neighbourhood("::ffff:192.0.2.7") == "192.0.2.7"


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
        admission = rules.admit_try(tries, now, rules.KNOWN_LIMIT)
        while not admission.is_allowed:
            waits.append(admission.retry_after_s)
            now += datetime.timedelta(seconds=admission.retry_after_s)
            admission = rules.admit_try(tries, now, rules.KNOWN_LIMIT)
        tries = admission.tries
    assert len(waits) == 6
    assert waits == sorted(set(waits))


def test_a_refused_try_is_not_counted_so_nobody_can_keep_the_owner_out() -> None:
    tries = rules.Tries(10, 10, START)
    for second in range(0, 900, 10):
        admission = rules.admit_try(tries, START + datetime.timedelta(seconds=second), rules.KNOWN_LIMIT)
        assert not admission.is_allowed
        tries = admission.tries
    assert rules.admit_try(tries, START + datetime.timedelta(seconds=900), rules.KNOWN_LIMIT).is_allowed


@pytest.mark.parametrize(("is_known", "most"), [(True, 100), (False, 90)])
def test_after_a_hundred_failures_in_a_row_waiting_does_not_help_and_the_last_ten_are_the_owners(
    most: int, *, is_known: bool
) -> None:
    later = START + datetime.timedelta(days=30)
    for in_a_row, is_allowed in ((most - 1, True), (most, False)):
        before = rules.LoginTries(Tries(1, in_a_row, START), Tries(1, 0, START))
        admission = rules.admit_login(before, later, is_known=is_known)
        assert admission.is_allowed is is_allowed
        assert admission.tries.of_account.in_a_row == in_a_row + is_allowed
        assert (admission.retry_after_s > 0) is not is_allowed


class Door:
    """One account, with tries from several origins."""

    def __init__(self) -> None:
        self.account, self.origins, self.fresh_at, self.now = Tries(), {}, None, START

    def knock(self, origin: int, *, is_known: bool = False, after_s: float = 0) -> rules.LoginAdmission:
        self.now += datetime.timedelta(seconds=after_s)
        before = rules.LoginTries(self.account, self.origins.get(origin, Tries()), self.fresh_at)
        admission = rules.admit_login(before, self.now, is_known=is_known)
        after = admission.tries
        self.account, self.origins[origin], self.fresh_at = after.of_account, after.of_origin, after.fresh_at
        return admission


def most_in_a_quarter(moments: list[datetime.datetime]) -> int:
    quarter = datetime.timedelta(seconds=900)
    return max((sum(first <= each < first + quarter for each in moments) for first in moments), default=0)


@given(st.lists(st.tuples(st.integers(min_value=0, max_value=1200), st.integers(0, 12)), max_size=160))
def test_strangers_never_get_more_than_ten_verifications_in_a_quarter_of_an_hour(
    knocks: list[tuple[int, int]],
) -> None:
    door = Door()
    allowed = [door.now for gap_s, origin in knocks if door.knock(origin, after_s=gap_s).is_allowed]
    assert most_in_a_quarter(allowed) <= 10
    assert len(allowed) <= 90


def test_one_origin_gets_five_tries_and_the_next_is_let_through_at_once() -> None:
    door = Door()
    tries = [door.knock(1, after_s=5).is_allowed for _ in range(100)]
    assert tries.count(True) == 5
    assert [door.knock(2).is_allowed for _ in range(3)] == [True, True, False]
    assert door.knock(3).is_allowed, "and the next one again"


def test_after_seven_tries_only_fresh_origins_are_let_through_one_in_five_minutes() -> None:
    door = Door()
    for origin in (1, 1, 1, 2, 2, 2, 3):
        assert door.knock(origin, after_s=1).is_allowed
    assert not door.knock(3, after_s=61).is_allowed, "it has tried before"
    assert door.knock(4).is_allowed
    early = door.knock(5, after_s=299)
    assert (early.is_allowed, early.retry_after_s) == (False, 1)
    assert door.knock(5, after_s=1).is_allowed, "it is fresh still: it was refused"
    assert not door.knock(5, after_s=300).is_allowed, "it has tried now"
    assert not door.knock(4).is_allowed
    assert door.knock(6).is_allowed


def test_an_origin_is_fresh_for_ten_minutes_after_its_first_knock() -> None:
    for waits_s, is_allowed in ((599, True), (600, False)):
        door = Door()
        for origin in (1, 1, 1, 2, 2, 2, 3, 4):
            assert door.knock(origin, after_s=1).is_allowed
        assert not door.knock(5).is_allowed
        assert door.knock(5, after_s=waits_s).is_allowed is is_allowed


def test_the_tries_of_strangers_begin_anew_a_quarter_of_an_hour_after_the_last() -> None:
    for waits_s, is_allowed in ((899, False), (900, True)):
        door = Door()
        for origin in (1, 1, 1, 2, 2, 2, 3):
            assert door.knock(origin).is_allowed
        assert door.knock(1, after_s=waits_s).is_allowed is is_allowed
        assert door.account.count == (1 if is_allowed else 7)


def test_strangers_with_fifty_addresses_keep_the_owner_at_a_new_place_waiting_for_five_minutes_at_most() -> (
    None
):
    door, refused = Door(), 0
    for second in range(1800):
        door.knock(second % 50, after_s=1)
    while not door.knock(99, after_s=10).is_allowed:
        refused += 1
        for number in range(50):
            door.knock(number)
    assert refused * 10 <= 300


def test_a_known_origin_has_tries_of_its_own_whatever_strangers_do() -> None:
    door = Door()
    for number in range(40):
        door.knock(number, after_s=61)
    strangers = door.account
    assert not door.knock(1).is_allowed
    assert door.knock(100, is_known=True).is_allowed
    assert (door.account.count, door.account.last_at) == (strangers.count, strangers.last_at)
    assert door.account.in_a_row == strangers.in_a_row + 1
    tries = [door.knock(100, is_known=True, after_s=10).is_allowed for _ in range(80)]
    assert 0 < tries.count(True) < 10


@given(st.lists(st.integers(min_value=0, max_value=1200), max_size=120))
def test_no_quarter_of_an_hour_holds_more_than_ten_verifications_from_a_known_origin(
    gaps_s: list[int],
) -> None:
    door = Door()
    allowed = [door.now for gap_s in gaps_s if door.knock(1, is_known=True, after_s=gap_s).is_allowed]
    assert most_in_a_quarter(allowed) <= 10
    assert len(allowed) <= 100


@pytest.mark.parametrize(("passed_s", "wait_s"), [(0.0, 900), (0.5, 900), (899.0, 1), (899.7, 1), (900.0, 0)])
def test_a_wait_is_told_in_whole_seconds_and_is_never_too_short(passed_s: float, wait_s: int) -> None:
    first = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
    full = rules.Tries(5, 0, first)
    admission = rules.admit_from_address(full, first + datetime.timedelta(seconds=passed_s), 5)
    assert (admission.retry_after_s, admission.is_allowed) == (wait_s, wait_s == 0)
