"""Turns: one at a time for each key, and nobody for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from services.chassis.turns import Turns
from services.contracts.errors import Refused
from tests.support.eventually import eventually


def test_the_turn_comes_at_once_where_nobody_waits():
    turns = Turns()
    with turns.of("a program", 0.01):
        assert turns._queues["a program"].length == 1


def test_one_at_a_time_has_the_turn_of_a_key():
    turns, inside, most = Turns(), [], []

    def come(number: int) -> None:
        with turns.of("a program"):
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)

    def everybody_waits() -> None:
        assert turns._queues["a program"].length == 21

    with ThreadPoolExecutor(20) as crowd:
        with turns.of("a program"):
            waiting = [crowd.submit(come, number) for number in range(20)]
            eventually(everybody_waits)
            with turns.of("another program", 0.01):
                assert not most
        for each in waiting:
            each.result(10)
    assert most == [1] * 20
    assert not turns._queues


def test_who_waits_too_long_is_asked_to_come_again():
    turns = Turns()
    with turns.of("a program"):
        with pytest.raises(Refused) as refused, turns.of("a program", 0.01):
            raise AssertionError("it was not the turn")
        assert refused.value.code == "service_unavailable"
        assert turns._queues["a program"].length == 1


def test_a_fault_gives_the_turn_on():
    turns = Turns()
    with pytest.raises(KeyError), turns.of("a program"):
        raise KeyError
    with turns.of("a program", 0.01):
        assert len(turns._queues) == 1
