"""Passports of a crowd: one call for many, and nobody waits long for an identity service that hangs."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gateway.passports import LEAST_TIME_S, Asked, Passports
from services.chassis import grouping, waiting
from services.chassis.wire import CallContext
from services.contracts.declare import Operation
from services.contracts.errors import Refused
from tests.support.eventually import eventually

WORKERS, FEW = 16, 2


class Identity:
    """A client of an identity service that answers nobody until it is let go."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, float]] = []
        self.go_on = threading.Event()

    def call(self, operation: Operation, arguments: Mapping[str, Any], context: CallContext) -> Any:
        self.asked.append((len(arguments["asked"]), context.deadline or 0.0))
        assert self.go_on.wait(30)
        return {"passports": [{"passport": "signed", "organisation_id": "a" * 32}] * len(arguments["asked"])}


def asked(within_s: float = 30.0) -> Asked:
    return Asked("token", "referrals", CallContext("r", deadline=time.time() + within_s))


def outcome_of(passports: Passports, item: Asked) -> str:
    try:
        return str(passports.issue(item)["passport"])
    except Refused as refusal:
        return refusal.code


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "SILENT_AFTER_S", 0.2)
    monkeypatch.setattr(grouping, "LOOK_EVERY_S", 0.02)


@pytest.mark.fault("F4")
@pytest.mark.usefixtures("_impatient")
def test_few_threads_wait_for_an_identity_service_that_hangs():
    identity = Identity()
    passports = Passports(identity, WORKERS)  # type: ignore[arg-type]

    with ThreadPoolExecutor(WORKERS) as pool:
        crowd = [pool.submit(outcome_of, passports, asked()) for _ in range(WORKERS)]
        eventually(lambda: _assert_waiting(crowd, FEW))
        assert outcome_of(passports, asked()) == "service_unavailable"
        identity.go_on.set()
        assert Counter(each.result() for each in crowd) == {
            "service_unavailable": WORKERS - FEW,
            "signed": FEW,
        }

    assert outcome_of(passports, asked()) == "signed"


def _assert_waiting(crowd: list[Any], count: int) -> None:
    assert sum(not each.done() for each in crowd) == count


@pytest.mark.fault("F4")
def test_who_leads_does_not_wait_for_those_who_came_later():
    identity = Identity()
    passports = Passports(identity, WORKERS)  # type: ignore[arg-type]
    first, leader, later = asked(), asked(5.0), asked(60.0)

    with ThreadPoolExecutor(3) as pool:
        pool.submit(outcome_of, passports, first)
        eventually(lambda: _assert_asked(identity, 1))
        pool.submit(outcome_of, passports, leader)
        eventually(lambda: _assert_joined(passports, 1))
        pool.submit(outcome_of, passports, later)
        eventually(lambda: _assert_joined(passports, 2))
        identity.go_on.set()

    assert identity.asked == [(1, first.context.deadline), (2, leader.context.deadline)]


def test_a_leader_at_the_end_of_its_time_still_makes_a_call_for_the_others():
    identity = Identity()
    identity.go_on.set()

    outcome_of(Passports(identity, WORKERS), asked(0.001))  # type: ignore[arg-type]

    assert identity.asked[0][1] > time.time() + LEAST_TIME_S / 2


def _assert_asked(identity: Identity, count: int) -> None:
    assert len(identity.asked) == count


def _assert_joined(passports: Passports, count: int) -> None:
    assert len(passports._groups._waiting) == count
