"""The parking queue: its limit, and what an operator can do with what is parked."""

from __future__ import annotations

import contextlib
import datetime
import json
import re
from collections.abc import Iterator
from typing import Any

import amqp
import pytest

from deploy import parked, topology
from deploy.broker import Broker
from services.chassis import wire
from services.chassis.events import RETRY_AFTER_S, retry_exchange
from tests.support import toy
from tests.support.eventually import eventually
from tests.support.raw_amqp import header, properties, raw_publisher, text
from tests.support.toy_process import ServiceSystem, call, message_count, metric, toy_system

CANARY = "canary-31f0"
CALL = f'{{"args": [], "kwargs": {{"secret": "{CANARY}"}}}}'.encode()


@pytest.fixture(scope="module")
def system(module_vhost: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceSystem]:
    with toy_system(module_vhost, tmp_path_factory.mktemp("toy")) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_is_parked(system: ServiceSystem) -> None:
    parked.discard(system.uri, None)


def _assert_equal(actual: Any, expected: Any) -> None:
    assert actual == expected


def _park_call(system: ServiceSystem, operation: str, body: bytes = CALL, **headers: str) -> parked.Parked:
    """Send a call that has nobody to answer to, which is parked."""
    table = b"".join(header(name.encode(), text(value.encode())) for name, value in headers.items())
    with raw_publisher(system.uri) as publisher:
        assert publisher.publish(
            wire.RPC_EXCHANGE,
            f"toy.{operation}".encode(),
            properties(headers=table, correlation_id=b"\x1b[2J"),
            body,
        )
    eventually(lambda: _assert_equal(len(parked.listing(system.uri)), 1))
    return parked.listing(system.uri)[0]


def test_a_parked_call_is_listed_with_its_time(system: ServiceSystem):
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)

    entry = _park_call(system, "fail")

    assert (entry.queue, entry.reason, entry.routing_key) == ("rpc-toy", "no_reply_to", "toy.fail")
    assert (entry.size, entry.is_call) == (len(CALL), True)
    assert entry.parked_at is not None
    assert before <= entry.parked_at <= datetime.datetime.now(datetime.UTC)


def test_a_parked_call_is_shown_without_values_of_its_arguments_and_without_its_passport(
    system: ServiceSystem,
):
    entry = _park_call(system, "fail", **{wire.PASSPORT: "signed", wire.CORRELATION_ID: "ward-7"})

    shown = parked.show(system.uri, entry.message_id)

    assert shown is not None
    assert "holds: arguments secret" in shown
    assert CANARY not in shown
    assert "header nameko.passport: (not shown)" in shown
    assert "header nameko.correlation_id: ward-7" in shown
    assert "correlation_id: \\x1b[2J" in shown
    assert "\x1b" not in shown
    assert parked.show(system.uri, "f" * 32) is None


def test_a_call_that_is_sent_again_is_answered_to_the_operator(system: ServiceSystem):
    entry = _park_call(system, "do_nothing", b'{"args": [], "kwargs": {}}')

    assert parked.send_again(system.uri, ["f" * 32]) == []
    assert parked.send_again(system.uri, [entry.message_id]) == [(entry.message_id, "answered")]

    assert parked.listing(system.uri) == []


def test_a_call_that_is_sent_again_keeps_its_headers_and_loses_its_deadline(system: ServiceSystem):
    entry = _park_call(
        system, "greet", b'{"args": [], "kwargs": {"name": "a", "count": 1}}',
        **{wire.PASSPORT: system.passport("toy.greet"), wire.DEADLINE: "1.0"},
    )  # fmt: skip

    assert parked.send_again(system.uri, None) == [(entry.message_id, "answered")]


def test_the_refusal_of_a_call_that_is_sent_again_is_told(system: ServiceSystem):
    entry = _park_call(system, "greet", **{wire.PASSPORT: "stale"})

    assert parked.send_again(system.uri, None) == [(entry.message_id, "refused: unauthenticated")]
    assert parked.listing(system.uri) == []


def test_an_event_for_a_queue_that_is_gone_stays_parked(system: ServiceSystem):
    _park_by_hand(system, {"portico-queue": "toy.on_nothing", "portico-reason": "failed"})
    (entry,) = parked.listing(system.uri)

    assert parked.send_again(system.uri, None) == [(entry.message_id, "not sent: there is no such queue")]
    assert len(parked.listing(system.uri)) == 1


def _park_by_hand(system: ServiceSystem, headers: dict[str, Any], **more: Any) -> None:
    with contextlib.closing(system.connection()) as connection:
        channel = connection.channel()
        channel.confirm_select()
        message = amqp.Message(b"{}", application_headers=headers, **{"message_id": "m" * 32, **more})
        channel.basic_publish_confirm(message, routing_key=wire.PARKING_QUEUE)


@pytest.mark.fault("A24")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-death": "none"},
        {"x-death": []},
        {"x-death": ["none"]},
        {"x-death": [{"queue": 7, "routing-keys": "none", "time": "none"}]},
        {"portico-queue": 7, "portico-reason": [], "portico-routing-key": {}, "portico-parked-at": "now"},
        {"portico-queue": "\x1b[2J" * 100, "portico-parked-at": 2**62, "portico-properties": 7},
        {"portico-properties": "\x00"},
        {"portico-properties": "\xff\xff\x00"},
        {"portico-queue": "rpc-toy", "portico-routing-key": "toy.\udcff"},
    ],
)
def test_whatever_a_parked_message_says_it_can_be_listed_shown_and_discarded(
    system: ServiceSystem,
    headers: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("AMQP_URI", system.uri)
    _park_by_hand(system, headers, message_id="an id\n\x1b[2J")
    own_id = "an id\\n\\x1b[2J"

    for arguments in (["list"], ["show", own_id], ["discard", own_id], ["list"]):
        assert parked.main(arguments) == 0

    printed = capsys.readouterr().out
    assert printed.isascii()
    assert "\x1b" not in printed
    assert printed.splitlines()[0].startswith(own_id)
    assert printed.splitlines()[-2:] == ["1 discarded", "0 parked"]


@pytest.mark.fault("A13")
def test_a_full_parking_queue_discards_calls_and_keeps_events(system: ServiceSystem, broker: Broker):
    vhost = system.uri.rpartition("/")[2]
    policy = {
        "vhost": vhost, "name": "short-parking", "pattern": f"^{wire.PARKING_QUEUE}$", "apply-to": "queues", "priority": 99,
        "definition": {**topology.PARKING_LIMITS, "max-length": 3},
    }  # fmt: skip
    broker.definitions({"policies": [policy]})
    eventually(lambda: _assert_policy(broker, vhost, policy["name"]))
    last = retry_exchange(RETRY_AFTER_S[-1])
    port = system.ports[0]
    before = metric(port, "portico_parked_total") + metric(port, "portico_not_parked_total")
    try:
        with raw_publisher(system.uri) as publisher, contextlib.closing(system.connection()) as connection:
            for _ in range(12):
                assert publisher.publish(wire.RPC_EXCHANGE, b"toy.fail", properties(), CALL)
            eventually(
                lambda: _assert_equal(
                    metric(port, "portico_parked_total") + metric(port, "portico_not_parked_total"),
                    before + 12,
                )
            )
            assert metric(port, "portico_not_parked_total", queue="rpc-toy") > 0
            assert message_count(connection, wire.rpc_queue("toy")) == 0

            assert publisher.publish("toy.events", b"thing_added.v1.harbor", properties(), b"{")

            eventually(lambda: _assert_equal(message_count(connection, last), 1))
            connection.channel().queue_purge(last)
        client = system.client()
        assert call(client, toy.do_nothing) == {}
        client.close()
        assert len(parked.listing(system.uri)) < 12
    finally:
        broker.ctl("clear_policy", "-p", vhost, policy["name"])


def _assert_policy(broker: Broker, vhost: str, name: str) -> None:
    """The broker has applied a policy to the parking queue: it does so some time after it has taken it."""
    queues = json.loads(broker.ctl("--formatter", "json", "list_queues", "-p", vhost, "name", "policy"))
    assert [each["policy"] for each in queues if each["name"] == wire.PARKING_QUEUE] == [name]


def test_the_limit_of_the_parking_queue_is_part_of_the_installation():
    policies = {each["name"]: each for each in topology.definitions([])["policies"]}

    assert policies["parking"]["definition"] == {
        "max-length": wire.MOST_PARKED,
        "max-length-bytes": wire.MOST_PARKED_BYTES,
        "overflow": "reject-publish",
    }
    assert policies["events"]["definition"]["dead-letter-strategy"] == "at-least-once"
    assert {policies[name]["vhost"] for name in ("parking", "events")} == {topology.VHOST}
    queues = topology.internal([]).queues
    for name, pattern in (("parking", re.escape(wire.PARKING_QUEUE)), ("events", r".*\.on_.*")):
        limited = {queue for queue in queues if re.search(policies[name]["pattern"], queue)}
        assert limited == {queue for queue in queues if re.fullmatch(pattern, queue)} != set()
