"""The client of calls, while the broker is away."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import unittest.mock

import pytest

from services.chassis import wire
from services.chassis.rpc_client import DOUBTED_AFTER_S, LINK_MAY_TAKE_S, LONGEST_DOUBT_S, RpcClient, _Waiter
from services.contracts.errors import Refused
from tests.support import toy
from tests.support.recorder import recorded


class Waits:
    """A link that is down, and remembers how long it was waited for."""

    def __init__(self) -> None:
        self.waited_s: list[float] = []

    def is_set(self) -> bool:
        return False

    def wait(self, timeout_s: float) -> bool:
        self.waited_s.append(timeout_s)
        return False


@pytest.mark.fault("F3")
@pytest.mark.fault("F4")
@pytest.mark.parametrize(("down_for_s", "waits_s"), [(0.0, LINK_MAY_TAKE_S), (0.9, 0.1), (1.0, 0), (60.0, 0)])
def test_a_call_waits_for_a_link_that_was_just_lost_and_not_for_one_that_stays_down(
    down_for_s: float, waits_s: float
):
    client, link = RpcClient("pyamqp://guest:guest@127.0.0.1:1/", "test"), Waits()
    client._process_id = os.getpid()
    client._link.is_open = link  # type: ignore[assignment]
    client._down_since = time.monotonic() - down_for_s

    with pytest.raises(Refused) as refused:
        client.call(toy.do_nothing, {}, wire.CallContext("r"))

    assert (refused.value.code, refused.value.more) == ("service_unavailable", {"retry_after_s": 1})
    assert link.waited_s == [pytest.approx(waits_s, abs=0.05)]


@pytest.mark.fault("F4")
@pytest.mark.parametrize("left_s", [0.1, -1.0])
def test_a_broker_that_hangs_holds_no_call_beyond_its_deadline(left_s: float):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system accepts connections; nobody answers
        client = RpcClient(f"pyamqp://guest:guest@127.0.0.1:{silent.getsockname()[1]}/", "test")
        started = time.monotonic()
        client._presence._known["toy"] = (started - 60, 0, 1)  # it was not running a minute ago

        client._presence.refuse_if_known_absent("toy", started + left_s)

        assert time.monotonic() - started < 0.8  # the limit for a call with time left is ASK_WITHIN_S


@pytest.mark.fault("F6")
def test_an_answer_is_taken_while_the_broker_is_still_asked_who_serves(monkeypatch: pytest.MonkeyPatch):
    client = RpcClient("pyamqp://guest:guest@127.0.0.1:1/", "test", timeout_s=5)
    client._process_id = os.getpid()
    client._link.is_open.set()
    asked, may_answer = threading.Event(), threading.Event()

    def look(_service: str, _ends_at: float) -> tuple[int, int]:
        asked.set()
        assert may_answer.wait(10)
        return 0, 1

    def answer(_operation, _body, call_id, *_more):
        waiter = client._pending[call_id]
        threading.Thread(target=lambda: asked.wait(10) and waiter.settle({"result": "here"})).start()

    monkeypatch.setattr(client._presence, "_look", look)
    monkeypatch.setattr(client, "_publish", answer)
    client._presence.start()

    assert client.call(toy.do_nothing, {}, wire.CallContext("r")) == "here"

    # The next one gets no answer. It is refused once it is known that nobody serves, as long as it is late.
    monkeypatch.setattr(client, "_publish", lambda *_: None)
    client._presence._known.clear()
    threading.Timer(0.2, may_answer.set).start()
    started = time.monotonic()
    with pytest.raises(Refused, match="service_unavailable") as refused:
        client.call(toy.do_nothing, {}, wire.CallContext("r"))
    assert "not running" in refused.value.detail
    assert time.monotonic() - started < 4
    assert client.pending == 0
    client._presence.stop()


def test_only_late_calls_of_an_absent_service_are_refused():
    client = RpcClient("pyamqp://guest:guest@127.0.0.1:1/", "test")
    waiters = {name: _Waiter(name.partition(" ")[0]) for name in ("toy late", "toy new", "other late")}
    for name, waiter in waiters.items():
        waiter.is_late = name.endswith("late")
    client._pending.update(waiters)

    client._nobody_serves("toy")

    assert set(client._pending) == {"toy new", "other late"}
    assert waiters["toy late"].outcome.code == "service_unavailable"


def test_a_call_is_a_span_and_its_end_tells_a_fault_from_a_refusal(monkeypatch: pytest.MonkeyPatch):
    client, before = (
        RpcClient("pyamqp://guest:guest@127.0.0.1:1/", "test"),
        "00-" + "1" * 32 + "-" + "2" * 16 + "-01",
    )
    client._process_id = os.getpid()
    passed_on = []

    def exchange(_operation, _arguments, context, _timeout_s):
        passed_on.append(context.traceparent)
        if outcomes[0] != "ok":
            raise Refused(outcomes[0], "No.")

    monkeypatch.setattr(client, "_exchange", exchange)
    with recorded() as spans:
        for outcome in ("ok", "not_found", "service_unavailable"):
            outcomes = [outcome]
            with contextlib.suppress(Refused):
                client.call(toy.do_nothing, {}, wire.CallContext("r", traceparent=before))

    assert {(each.kind, each.name, each.parent) for each in spans} == {("client", "toy.do_nothing", before)}
    assert [each.ends for each in spans] == [
        [("ok", False)],
        [("not_found", False)],
        [("service_unavailable", True)],
    ]
    assert passed_on == [each.traceparent for each in spans]


class Doubted:
    """A client whose link only counts how often it is given up, and whose time the test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.client, self.renewals, self.now = (
            RpcClient("pyamqp://guest:guest@127.0.0.1:1/", "test"),
            0,
            100.0,
        )
        monkeypatch.setattr(self.client._link, "renew", self._renew)
        monkeypatch.setattr("services.chassis.rpc_client.time.monotonic", lambda: self.now)
        self.connect()

    def _renew(self) -> None:
        self.renewals += 1

    def connect(self) -> None:
        self.client._open(unittest.mock.MagicMock())


@pytest.mark.fault("F3")
def test_a_link_over_which_a_service_never_answers_is_given_up_more_seldom_each_time(
    monkeypatch: pytest.MonkeyPatch,
):
    doubted = Doubted(monkeypatch)
    patience_s, waited = DOUBTED_AFTER_S, []
    for _ in range(8):
        doubted.now += patience_s - 0.1
        doubted.client._doubt("toy")
        before = doubted.renewals
        doubted.now += 0.2
        doubted.client._doubt("toy")
        waited.append((patience_s, doubted.renewals - before))
        doubted.connect()
        patience_s = min(2 * patience_s, LONGEST_DOUBT_S)
    assert waited == [(2.0, 1), (4.0, 1), (8.0, 1), (16.0, 1), (32.0, 1), (60.0, 1), (60.0, 1), (60.0, 1)]
    assert doubted.renewals == 8


@pytest.mark.fault("F4")
def test_a_link_over_which_a_service_has_answered_is_kept_and_the_next_one_is_doubted_anew(
    monkeypatch: pytest.MonkeyPatch,
):
    doubted = Doubted(monkeypatch)
    doubted.now += 1000
    doubted.client._doubt("toy")
    doubted.connect()
    doubted.client._hear("toy")
    doubted.now += 1000
    doubted.client._doubt("toy")
    assert doubted.renewals == 1
    doubted.client._doubt("another")
    assert doubted.renewals == 2
    doubted.connect()
    doubted.now += DOUBTED_AFTER_S
    doubted.client._doubt("toy")
    assert doubted.renewals == 3


@pytest.mark.fault("F3")
def test_a_call_that_gets_no_answer_doubts_its_link_and_one_that_gets_any_does_not(
    monkeypatch: pytest.MonkeyPatch,
):
    client, doubted = RpcClient("pyamqp://guest:guest@127.0.0.1:1/", "test", timeout_s=0.1), []
    client._process_id = os.getpid()
    client._link.is_open.set()
    monkeypatch.setattr(client, "_doubt", doubted.append)

    def answer(_operation, _body, call_id, *_more):
        if answers:
            client._pending[call_id].settle(answers[0])

    monkeypatch.setattr(client, "_publish", answer)
    answers: list = [{"result": {}, "error": None}]
    client.call(toy.do_nothing, {}, wire.CallContext("r"))
    assert (doubted, client._heard) == ([], {"toy"})

    client._heard.clear()
    answers[:] = []
    with pytest.raises(Refused, match="timeout"):
        client.call(toy.do_nothing, {}, wire.CallContext("r"))
    assert (doubted, client._heard) == (["toy"], set())

    answers[:] = [Refused("service_unavailable", "The connection was lost.")]
    with pytest.raises(Refused, match="service_unavailable"):
        client.call(toy.do_nothing, {}, wire.CallContext("r"))
    assert client._heard == set()
