"""Who waits for a target that is silent holds no thread that others need."""

from __future__ import annotations

import contextlib

import pytest

from services.chassis.waiting import SILENT_AFTER_S, Waiting
from services.contracts.errors import Refused

WORKERS, FEW = 32, 4


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Crowd:
    """Callers that wait, by target."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.waiting = Waiting(WORKERS, self.clock)
        self._stack = contextlib.ExitStack()

    def come(self, target: str, count: int = 1) -> None:
        for _ in range(count):
            self._stack.enter_context(self.waiting.of(target))

    def give_up(self) -> None:
        self._stack.close()


@pytest.fixture
def crowd() -> Crowd:
    return Crowd()


def refused(crowd: Crowd, target: str) -> bool:
    try:
        crowd.come(target)
    except Refused as refusal:
        return (refusal.code, refusal.more) == ("service_unavailable", {"retry_after_s": 2})
    return False


@pytest.mark.fault("F4")
def test_a_few_may_wait_for_a_target_that_is_silent(crowd: Crowd):
    crowd.come("referrals", FEW)
    crowd.clock.now += SILENT_AFTER_S

    assert refused(crowd, "referrals")
    assert not refused(crowd, "signing")


def test_until_it_has_been_silent_for_a_while_all_may_wait(crowd: Crowd):
    crowd.come("referrals", FEW)
    crowd.clock.now += SILENT_AFTER_S - 0.01

    crowd.come("referrals", WORKERS - FEW)
    assert not crowd.waiting.is_too_much("referrals")


def test_fewer_than_a_few_do_not_show_that_it_is_silent(crowd: Crowd):
    """They may be long pieces of work."""
    crowd.come("referrals", FEW - 1)
    crowd.clock.now += 60

    crowd.come("referrals", WORKERS)
    assert not crowd.waiting.is_too_much("referrals")


def test_a_busy_target_that_answers_others_is_waited_for_by_all(crowd: Crowd):
    crowd.come("referrals", FEW)
    crowd.clock.now += 10
    crowd.waiting.answered("referrals")
    crowd.clock.now += SILENT_AFTER_S - 0.01

    crowd.come("referrals", WORKERS)
    assert not crowd.waiting.is_too_much("referrals")


@pytest.mark.fault("F4")
def test_those_above_the_few_give_up(crowd: Crowd):
    crowd.come("referrals", FEW + 1)
    assert not crowd.waiting.is_too_much("referrals")

    crowd.clock.now += SILENT_AFTER_S

    assert crowd.waiting.is_too_much("referrals")
    assert not crowd.waiting.is_too_much("signing")


def test_the_few_go_on_waiting(crowd: Crowd):
    crowd.come("referrals", FEW)
    crowd.clock.now += SILENT_AFTER_S

    assert not crowd.waiting.is_too_much("referrals")


@pytest.mark.fault("F4")
def test_a_target_stays_silent_until_it_answers_somebody(crowd: Crowd):
    crowd.come("referrals", FEW)
    crowd.clock.now += SILENT_AFTER_S
    assert refused(crowd, "referrals")
    crowd.give_up()

    crowd.come("referrals", FEW)
    assert refused(crowd, "referrals")

    crowd.waiting.answered("referrals")
    crowd.come("referrals", WORKERS)


def test_a_process_with_few_workers_lets_one_wait():
    waiting = Waiting(1, clock := Clock())
    with waiting.of("referrals"):
        clock.now += SILENT_AFTER_S
        with pytest.raises(Refused), waiting.of("referrals"):
            pass
    with waiting.of("referrals"):
        pass
