"""Calls over a real broker to a real process: answers, refusals, and no leftovers."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from nameko.exceptions import RemoteError
from nameko.standalone.rpc import ClusterRpcProxy

from deploy.broker import Broker
from services.chassis import wire
from services.chassis.rpc_client import RpcClient
from services.contracts.declare import PUBLIC, Contract
from services.contracts.errors import Refused
from tests.support import toy
from tests.support.eventually import eventually
from tests.support.toy_process import ServiceSystem, call, metric, toy_system


@pytest.fixture(scope="module")
def system(module_vhost: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceSystem]:
    with toy_system(module_vhost, tmp_path_factory.mktemp("toy")) as running:
        yield running


@pytest.fixture
def client(system: ServiceSystem):
    client = system.client()
    yield client
    client.close()


def test_a_call_gives_the_reply_that_was_declared(system, client):
    reply = call(client, toy.greet, system.passport("toy.greet"), name="x", count=2, tags=["a"])

    assert reply == {"name": "x", "count": 2, "tags": ["a"]}


@pytest.mark.parametrize("size", [wire.MAX_BODY_BYTES + 1, wire.MAX_ANSWER_BYTES - 100])
def test_an_answer_may_be_larger_than_a_request(system, client, size: int):
    assert len(call(client, toy.tell_much, characters=size)["text"]) == size


def test_an_answer_that_no_message_holds_is_told_and_logged(system, client):
    with pytest.raises(Refused, match="internal_error") as refused:
        call(client, toy.tell_much, characters=wire.MAX_ANSWER_BYTES)

    assert "Ask for fewer" in refused.value.detail
    assert "answer_too_large" in system.log.read_text()
    assert call(client, toy.tell_much, characters=1) == {"text": "x"}  # the connection is still there


def test_wrong_arguments_are_refused_by_field_and_rule(system, client):
    with pytest.raises(Refused) as refused:
        call(client, toy.greet, system.passport("toy.greet"), name="x" * 41, count=-1, extra=1)

    assert refused.value.code == "invalid_request"
    assert {error["field"] for error in refused.value.more["errors"]} == {"name", "count", "extra"}


@pytest.mark.fault("F4")
def test_a_service_that_hangs_is_waited_for_by_a_few_and_found_again(system, module_vhost):
    """Of sixteen callers two go on waiting until their deadline; the others are told long before."""
    passport = system.passport("toy.greet")
    client = RpcClient(module_vhost, "crowd", timeout_s=8.0, workers=16)
    client.start()

    def greeted(_number: int) -> tuple[str, float]:
        started = time.monotonic()
        try:
            call(client, toy.greet, passport, name="x", count=2, tags=[])
        except Refused as refusal:
            return refusal.code, time.monotonic() - started
        return "ok", time.monotonic() - started

    assert greeted(0)[0] == "ok"
    (process,) = system.processes
    process.send_signal(signal.SIGSTOP)
    try:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            outcomes = list(pool.map(greeted, range(16)))
    finally:
        process.send_signal(signal.SIGCONT)
    print(sorted(outcomes, key=lambda each: each[1]))
    told = [took_s for code, took_s in outcomes if code == "service_unavailable"]
    assert [code for code, _ in outcomes].count("timeout") == 2
    assert len(told) == 14
    assert max(told) < 6

    eventually(lambda: _assert_greeted(greeted))
    client.close()


def _assert_greeted(greeted: Callable[[int], tuple[str, float]]) -> None:
    assert greeted(0)[0] == "ok"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"permissions": ()}, "forbidden"),
        ({"permissions": ("toy.greet",), "issuer": "stranger"}, "unauthenticated"),
        ({"permissions": ("toy.greet",), "issuer": "toy"}, "unauthenticated"),
        ({"permissions": ("toy.greet",), "audience": "referrals"}, "unauthenticated"),
    ],
)
def test_a_passport_that_does_not_hold_lets_nobody_in(system, client, claims, code):
    permissions = claims.pop("permissions")

    with pytest.raises(Refused) as refused:
        call(client, toy.greet, system.passport(*permissions, **claims), name="x", count=2, tags=[])

    assert refused.value.code == code


@pytest.mark.fault("A11")
def test_no_passport_and_a_forged_passport_let_nobody_in(system, client):
    good = system.passport("toy.greet")
    header, payload, signature = good.split(".")
    forged = [
        None,
        "",
        "x",
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature[::-1]}",
        "eyJhbGciOiJub25lIn0." + payload + ".",
    ]

    codes = []
    for passport in forged * 20:
        with pytest.raises(Refused) as refused:
            call(client, toy.greet, passport, name="x", count=2, tags=[])
        codes.append(refused.value.code)

    assert set(codes) == {"unauthenticated"}


def test_a_fault_in_the_service_tells_neither_caller_nor_log_what_was_in_it(system, client):
    with pytest.raises(Refused) as refused:
        call(client, toy.fail, secret="canary-7f3a")

    assert refused.value.code == "internal_error"
    assert "canary-7f3a" not in str(refused.value.__dict__) + system.log.read_text()
    assert "toy.py:" in system.log.read_text()


def test_an_unknown_service_is_unavailable_within_a_second(client):
    nowhere = Contract("nowhere", "").query("ask", "", request={}, reply={}, access=PUBLIC)
    started = time.monotonic()

    with pytest.raises(Refused) as refused:
        call(client, nowhere)

    assert refused.value.code == "service_unavailable"
    assert time.monotonic() - started < 1


def test_a_service_that_is_not_running_is_unavailable_within_a_second(vhost, tmp_path):
    absent = ServiceSystem(vhost, tmp_path, f"sqlite:///{tmp_path}/toy.db")
    client = absent.client()
    for _ in range(3):
        started = time.monotonic()
        with pytest.raises(Refused) as refused:
            call(client, toy.do_nothing)
        assert refused.value.code == "service_unavailable"
        assert time.monotonic() - started < 1
    client.close()


def test_a_passed_deadline_is_a_timeout_and_the_work_is_not_begun(system, client):
    context = wire.CallContext(wire.new_id(), deadline=time.time() + 0.3)
    started = time.monotonic()

    with pytest.raises(Refused) as refused:
        client.call(toy.dawdle, {"seconds": 2}, context)

    assert refused.value.code == "timeout"
    assert time.monotonic() - started < 1.5  # the work itself would take 2


@pytest.mark.fault("F20")
def test_five_thousand_timeouts_leave_nothing_behind(system: ServiceSystem, broker: Broker):
    client = system.client(timeout_s=0.02)
    eventually(lambda: _assert_equal(client.is_connected, True))

    def time_out(_: int) -> str:
        try:
            client.call(toy.dawdle, {"seconds": 0.2}, wire.CallContext(wire.new_id()))
        except Refused as refused:
            return refused.code
        return "answered"

    def asks_who_serves() -> None:
        time_out(0)
        assert client._presence._connection is not None  # late answers open it, and it is kept

    eventually(asks_who_serves)
    before = _connections_and_channels(broker, system)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(time_out, range(5000)))

    assert outcomes.count("timeout") > 4900  # a few may be answered in time on a busy machine
    assert client.pending == 0
    eventually(lambda: _assert_no_more(_connections_and_channels(broker, system), before), timeout_s=60)
    client.close()


def _assert_no_more(now: tuple[int, int], before: tuple[int, int]) -> None:
    """One less is another test's connection that has ended meanwhile."""
    assert now[0] <= before[0]
    assert now[1] <= before[1]


def _assert_equal(actual, expected) -> None:
    assert actual == expected


def _connections_and_channels(broker: Broker, system: ServiceSystem) -> tuple[int, int]:
    """How many there are in the virtual host of this system. Other tests use the broker, too."""
    own = f'<<"{urlsplit(system.uri).path[1:]}">>'
    connections = f"[1 || [{{vhost, Own}}] <- rabbit_networking:connection_info_all([vhost]), Own =:= {own}]"
    channels = f"[1 || [{{vhost, Own}}] <- rabbit_channel:info_all([vhost]), Own =:= {own}]"
    told = broker.evaluate(f"{{length({connections}), length({channels})}}")
    connected, opened = map(int, told.strip("{}").split(","))
    return connected, opened


def test_a_stock_nameko_proxy_can_call(system):
    config = {"AMQP_URI": system.uri, "serializer": "json"}

    with ClusterRpcProxy(
        config, context_data={"passport": system.passport("toy.greet")}, timeout=5
    ) as cluster:
        assert cluster.toy.do_nothing() == {}
        assert cluster.toy.greet(name="x", count=1, tags=[]) == {"name": "x", "count": 1, "tags": []}
        with pytest.raises(RemoteError, match="Refused"):
            cluster.toy.greet(name="x")
        with pytest.raises(RemoteError, match="Refused"):
            cluster.toy.no_such_method()


def test_the_same_request_id_gives_the_same_answer_and_one_effect(system, client):
    passport, key = system.passport("toy.add", "toy.greet"), wire.new_id()

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda _: call(client, toy.add_thing, passport, key=key, label="once"), range(100))
        )

    assert len({str(answer) for answer in answers}) == 1
    assert call(client, toy.list_things, passport)["labels"].count("once") == 1
    with pytest.raises(Refused) as refused:
        call(client, toy.add_thing, passport, key=key, label="another")
    assert refused.value.code == "idempotency_key_reused"


def test_an_organisation_sees_only_its_own(system, client):
    call(client, toy.add_thing, system.passport("toy.add"), label="of harbor")
    elsewhere = system.passport("toy.greet", org="b" * 32, org_key="bayside")

    assert call(client, toy.list_things, elsewhere)["labels"] == []


def test_a_stop_lets_running_work_finish_and_hands_the_rest_over(vhost, tmp_path):
    with toy_system(vhost, tmp_path) as system:
        client = system.client(timeout_s=10)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            running = [pool.submit(call, client, toy.dawdle, seconds=1.0) for _ in range(10)]
            eventually(lambda: _assert_at_least(metric(system.ports[0], "portico_workers_busy"), 10))
            system.processes[0].send_signal(signal.SIGTERM)
            answers = [each.result() for each in running]
        assert answers == [{}] * 10
        assert system.processes[0].wait(10) == 0
        client.close()


def _assert_at_least(actual: float, least: float) -> None:
    assert actual >= least


def test_a_client_is_of_the_process_that_started_it(system):
    client = system.client()
    child = os.fork()
    if child == 0:
        try:
            call(client, toy.do_nothing)
        except AssertionError:
            os._exit(7)
        os._exit(0)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    client.close()
