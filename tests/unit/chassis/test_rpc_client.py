"""The client of calls, while the broker is away."""

from __future__ import annotations

import contextlib
import os
import socket
import time

import pytest

from services.chassis import wire
from services.chassis.rpc_client import LINK_MAY_TAKE_S, RpcClient
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

        client._presence.refuse_if_absent("toy", started + left_s)

        assert time.monotonic() - started < 0.8  # the limit for a call with time left is ASK_WITHIN_S


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
