"""Passports of simultaneous requests are asked for in one call, and each request gets its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from gateway.passports import Asked, Passports
from services.chassis.wire import CallContext
from services.contracts.declare import Operation
from services.contracts.errors import Refused
from services.contracts.identity.passports import MOST_PASSPORTS
from tests.support.eventually import eventually


class Identity:
    """Answers when the test opens it. A token that begins with `ended` gets no passport."""

    def __init__(self) -> None:
        self.asked: list[list[Mapping[str, Any]]] = []
        self.contexts: list[CallContext] = []
        self.open = threading.Event()
        self.refusal: Refused | None = None

    def call(self, _operation: Operation, arguments: Mapping[str, Any], context: CallContext) -> Any:
        self.asked.append(arguments["asked"])
        self.contexts.append(context)
        assert self.open.wait(10)
        if self.refusal:
            raise self.refusal
        return {"passports": [self._passport(each["token"]) for each in arguments["asked"]]}

    def _passport(self, token: str) -> dict[str, Any]:
        holds = not token.startswith("ended")
        return {"passport": f"of {token}" if holds else None, "organisation_id": "o" if holds else None}


class Requests:
    """Simultaneous requests. The first asks at once, and the others wait until identity has answered it."""

    def __init__(self) -> None:
        self.identity = Identity()
        self.passports = Passports(self.identity, workers=64)  # type: ignore[arg-type]
        self.pool = ThreadPoolExecutor(100)

    def ask(self, token: str, *, address: str = "192.0.2.7", within_s: float = 10) -> Future[Any]:
        context = CallContext("request", deadline=time.time() + within_s, client_address=address)
        return self.pool.submit(self.passports.issue, Asked(token, "referrals", context))

    def ask_while_the_first_is_under_way(self, *tokens: str, **more: Any) -> list[Future[Any]]:
        first = self.ask("first")
        eventually(lambda: self._assert_waiting(asked=1, waiting=0), every_s=0.005)
        others = []
        for at, token in enumerate(tokens):
            others.append(self.ask(token, **more))
            eventually(lambda at=at: self._assert_waiting(asked=1, waiting=at + 1), every_s=0.005)  # type: ignore[misc]
        return [first, *others]

    def _assert_waiting(self, asked: int, waiting: int) -> None:
        assert len(self.identity.asked) == asked
        assert len(self.passports._groups._waiting) == waiting


@pytest.fixture
def requests() -> Iterator[Requests]:
    requests = Requests()
    yield requests
    requests.identity.open.set()
    requests.pool.shutdown()


def test_a_request_alone_is_asked_for_alone(requests: Requests) -> None:
    requests.identity.open.set()

    assert requests.ask("one").result(10) == {"passport": "of one", "organisation_id": "o"}

    assert requests.identity.asked == [
        [{"token": "one", "audience": "referrals", "client_address": "192.0.2.7"}]
    ]
    assert requests.identity.contexts[0].client_address is None


def test_requests_that_come_meanwhile_are_asked_for_together_and_each_gets_its_own(
    requests: Requests,
) -> None:
    _, second, third = requests.ask_while_the_first_is_under_way("second", "third")

    requests.identity.open.set()

    assert (second.result(10)["passport"], third.result(10)["passport"]) == ("of second", "of third")
    assert [[each["token"] for each in asked] for asked in requests.identity.asked] == [
        ["first"],
        ["second", "third"],
    ]


def test_a_session_that_has_ended_refuses_its_own_request_only(requests: Requests) -> None:
    _, ended, good = requests.ask_while_the_first_is_under_way("ended", "good")

    requests.identity.open.set()

    with pytest.raises(Refused, match="unauthenticated"):
        ended.result(10)
    assert good.result(10)["passport"] == "of good"


def test_a_refused_call_refuses_all_its_requests_with_the_same_words(requests: Requests) -> None:
    requests.identity.refusal = Refused("service_unavailable", "Identity is away.", retry_after_s=1)
    futures = requests.ask_while_the_first_is_under_way("second", "third")

    requests.identity.open.set()

    for future in futures:
        with pytest.raises(Refused) as refused:
            future.result(10)
        assert (refused.value.code, refused.value.detail) == ("service_unavailable", "Identity is away.")
        assert refused.value.more == {"retry_after_s": 1}


def test_a_request_gives_up_at_its_own_deadline(requests: Requests) -> None:
    first, hasty = requests.ask_while_the_first_is_under_way("hasty", within_s=0.05)

    with pytest.raises(Refused, match="timeout"):
        hasty.result(10)

    requests.identity.open.set()
    assert first.result(10)["passport"] == "of first"
    assert len(requests.identity.asked) == 1


def test_a_call_asks_for_so_many_at_most(requests: Requests) -> None:
    tokens = [f"token {number}" for number in range(MOST_PASSPORTS + 1)]
    futures = requests.ask_while_the_first_is_under_way(*tokens)

    requests.identity.open.set()

    assert [future.result(10)["passport"] for future in futures[1:]] == [f"of {token}" for token in tokens]
    assert [len(asked) for asked in requests.identity.asked] == [1, MOST_PASSPORTS, 1]
