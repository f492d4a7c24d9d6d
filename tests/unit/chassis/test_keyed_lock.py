"""The keyed lock: one holder for each key, and no endless wait."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from services.chassis.keyed_lock import KeyedLock
from services.contracts.errors import Refused
from tests.support.eventually import eventually


def test_the_turn_comes_at_once_where_nobody_waits():
    locks = KeyedLock()
    with locks.hold("a program", 0.01):
        assert locks._queues["a program"].length == 1


def test_one_at_a_time_has_the_turn_of_a_key():
    locks, inside, most = KeyedLock(), [], []

    def come(number: int) -> None:
        with locks.hold("a program"):
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)

    def everybody_waits() -> None:
        assert locks._queues["a program"].length == 21

    with ThreadPoolExecutor(20) as crowd:
        with locks.hold("a program"):
            waiting = [crowd.submit(come, number) for number in range(20)]
            eventually(everybody_waits)
            with locks.hold("another program", 0.01):
                assert not most
        for each in waiting:
            each.result(10)
    assert most == [1] * 20
    assert not locks._queues


def test_who_waits_too_long_is_asked_to_come_again():
    locks = KeyedLock()
    with locks.hold("a program"):
        with pytest.raises(Refused) as refused, locks.hold("a program", 0.01):
            raise AssertionError("it was not the turn")
        assert refused.value.code == "service_unavailable"
        assert locks._queues["a program"].length == 1


def test_a_fault_gives_the_turn_on():
    locks = KeyedLock()
    with pytest.raises(KeyError), locks.hold("a program"):
        raise KeyError
    with locks.hold("a program", 0.01):
        assert len(locks._queues) == 1
