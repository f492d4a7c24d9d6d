"""Messages as raw frames: whatever RabbitMQ lets through, the service stays connected and answers or parks the message."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import os
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from deploy import parked
from services.chassis import wire
from services.chassis.events import RETRY_AFTER_S, TRIES
from services.chassis.reply_addresses import PREFIX
from tests.support import toy
from tests.support.eventually import eventually
from tests.support.raw_amqp import (
    header,
    long,
    mutated,
    nested,
    properties,
    raw_publisher,
    text,
)
from tests.support.toy_process import ServiceSystem, call, message_count, metric, toy_system

CALL = b'{"args": [], "kwargs": {}}'
REPLY_TO = b"amq.rabbitmq.reply-to"
EVENT = b'{"type": "portico.toy.thing_added.v1", "data": {}}'
BROKEN = b"\xff\xfe\x80"


@dataclass
class Target:
    """A queue of the toy: where to publish, with which properties, and which outcomes count."""

    exchange: str
    routing_key: bytes
    body: bytes
    content_type: bytes
    reply_to: bytes | None

    def properties(self, **others: Any) -> bytes:
        """Properties of a good message, with these changed."""
        return properties(**{"content_type": self.content_type, "reply_to": self.reply_to, **others})


TARGETS = {
    "calls": Target(wire.RPC_EXCHANGE, b"toy.do_nothing", CALL, wire.JSON.encode(), REPLY_TO),
    "events": Target("toy.events", b"thing_added.v1.harbor", EVENT, wire.CLOUDEVENTS_JSON.encode(), None),
}


@pytest.fixture(scope="module")
def system(module_vhost: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceSystem]:
    with toy_system(module_vhost, tmp_path_factory.mktemp("toy")) as running:
        yield running


def _process(node: bytes) -> bytes:
    """An address of direct reply-to at this node."""
    pid = b"\x83Xw" + bytes((len(node),)) + node + bytes(12)
    return PREFIX.encode() + base64.b64encode(pid) + b".AAAA"


def _named_kinds(target: Target) -> dict[str, bytes]:
    """Properties of each kind of message that was seen to break a reader."""
    made = target.properties
    kinds = {
        "correlation id": made(correlation_id=BROKEN),
        "message id": made(message_id=BROKEN),
        "content type": made(content_type=BROKEN),
        "timestamp": made(timestamp=2**62),
        "time in a header": made(headers=header(b"t", b"T" + (2**62).to_bytes(8, "big"))),
        "name of a header": made(headers=header(BROKEN, text(BROKEN))),
        "lists in lists": made(headers=header(b"deep", nested(2000))),
        "tables in tables": made(headers=header(b"deep", nested(2000, b"F"))),
        "ten thousand levels": made(headers=header(b"deep", nested(10_000))),
        "forty thousand headers": made(headers=header(b"", b"V") * 40_000),
        "history of the broker": made(headers=header(b"x-death", text(b"none"))),
        "decimal": made(headers=header(b"d", b"D\xff\x7f\xff\xff\xff")),
        "bytes": made(headers=header(b"b", b"x" + long(BROKEN))),
        "request id": made(headers=header(wire.REQUEST_ID.encode(), text(BROKEN))),
        "passport": made(headers=header(wire.PASSPORT.encode(), text(BROKEN))),
        "deadline": made(headers=header(wire.DEADLINE.encode(), b"d" + b"\x7f\xf0" + bytes(6))),
        "tries below zero": made(headers=header(TRIES.encode(), b"I" + (-5).to_bytes(4, "big", signed=True))),
        "tries without end": made(headers=header(TRIES.encode(), b"l" + (2**62).to_bytes(8, "big"))),
        "tries as text": made(headers=header(TRIES.encode(), text(b"1"))),
    }
    if target.reply_to is not None:
        addresses = (
            b"amq.rabbitmq.reply-to.x.y",
            PREFIX.encode() + base64.b64encode(b"abcdef") + b".k",
            _process(b"reply@12"),
            _process(b"other"),
            BROKEN,
            b"",
        )
        kinds |= {f"reply to {number}": made(reply_to=each) for number, each in enumerate(addresses)}
    return kinds


def _settled(system: ServiceSystem, kind: str) -> float:
    """How many messages of a queue were answered, or parked, or delayed."""
    if kind == "events":
        return metric(system.ports[0], "portico_events_handled_seconds_count")
    served = metric(system.ports[0], "portico_calls_served_seconds_count", operation="do_nothing")
    return served + metric(system.ports[0], "portico_parked_total", queue=wire.rpc_queue("toy"))


def _assert_equal(actual: Any, expected: Any) -> None:
    assert actual == expected


def _good_calls(system: ServiceSystem, until: concurrent.futures.Future[Any]) -> list[float]:
    """Seconds of each good call while the attack lasts; raises where one is not answered."""
    client = system.client()
    took = []
    try:
        while not until.done():
            started = time.monotonic()
            assert call(client, toy.do_nothing) == {}
            took.append(time.monotonic() - started)
    finally:
        client.close()
    return took


def _attack(system: ServiceSystem, kind: str, raws: list[bytes]) -> list[float]:
    """Publish these, and see each of them settled. Returns the seconds of good calls meanwhile."""
    target = TARGETS[kind]
    before = _settled(system, kind)

    def publish() -> int:
        with raw_publisher(system.uri) as publisher:
            return sum(
                publisher.publish(target.exchange, target.routing_key, raw, target.body) for raw in raws
            )

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        publishing = pool.submit(publish)
        took = _good_calls(system, publishing)
        taken = publishing.result()
    good = len(took) if kind == "calls" else 0
    assert taken > 0
    eventually(lambda: _assert_equal(_settled(system, kind), before + taken + good), timeout_s=60)
    return took


def _assert_undisturbed(system: ServiceSystem) -> None:
    assert system.processes[0].poll() is None
    assert "link_lost" not in system.log.read_text()
    client = system.client()
    assert call(client, toy.do_nothing) == {}
    client.close()


def _assert_parked_can_be_read_and_removed(system: ServiceSystem) -> None:
    entries = parked.listing(system.uri)
    assert all(entry.parked_at is not None for entry in entries)
    for entry in entries[:50]:
        shown = parked.show(system.uri, entry.message_id)
        assert shown is not None
        assert shown.isascii()
    assert parked.discard(system.uri, [entries[0].message_id]) == 1
    assert parked.discard(system.uri, None) == len(entries) - 1
    assert parked.listing(system.uri) == []


@pytest.mark.fault("A13")
@pytest.mark.fault("A24")
@pytest.mark.parametrize("kind", TARGETS)
def test_each_kind_of_broken_properties_is_answered_or_parked(system: ServiceSystem, kind: str):
    target = TARGETS[kind]
    seed = random.Random(kind)
    good = target.properties(
        headers=header(b"nameko.request_id", text(b"r" * 16)) + header(TRIES.encode(), b"I\x00\x00\x00\x01"),
        correlation_id=b"c" * 16,
        message_id=b"m" * 16,
        timestamp=1,
    )

    _attack(system, kind, [*_named_kinds(target).values(), *(mutated(good, seed) for _ in range(200))])

    _assert_undisturbed(system)
    _assert_parked_can_be_read_and_removed(system)


@pytest.mark.fault("A24")
def test_a_routing_key_that_is_not_utf_8_is_no_operation_and_an_event_that_is_parked(system: ServiceSystem):
    with raw_publisher(system.uri) as publisher, contextlib.closing(system.connection()) as connection:
        calls, events = TARGETS["calls"], TARGETS["events"]
        assert publisher.publish(calls.exchange, b"toy.\xff", calls.properties(), CALL)
        assert publisher.publish(events.exchange, b"thing_added.v1.\xff", events.properties(), EVENT)

        eventually(lambda: _assert_equal(message_count(connection, wire.PARKING_QUEUE), 1))

    _assert_undisturbed(system)
    (entry,) = parked.listing(system.uri)
    assert (entry.queue, entry.routing_key) == ("toy.on_thing_added", "thing_added.v1.?")
    assert parked.discard(system.uri, None) == 1


@pytest.mark.fault("A24")
@pytest.mark.parametrize(
    "tries",
    [
        b"I" + (-5).to_bytes(4, "big", signed=True),
        b"I" + (len(RETRY_AFTER_S) + 1).to_bytes(4, "big"),
        b"l" + (2**62).to_bytes(8, "big"),
        b"t\x01",
        text(b"1"),
    ],
    ids=["below zero", "more than there are", "2^62", "true", "text"],
)
def test_a_forged_number_of_tries_counts_as_none(system: ServiceSystem, tries: bytes):
    raw = TARGETS["events"].properties(headers=header(TRIES.encode(), tries))
    before = _first_failures(system)

    _publish_event(system, raw)

    eventually(lambda: _assert_equal(_first_failures(system), before + 1))
    _assert_undisturbed(system)


def _first_failures(system: ServiceSystem) -> int:
    """Events that failed for the first time."""
    return len(re.findall(r'"tries":\s?1\b', system.log.read_text()))


@pytest.mark.fault("A24")
@pytest.mark.parametrize("member", ["id", "subject", "organisation", "organisationkey"])
@pytest.mark.parametrize("value", [7, None, [], {}, "", "a b", "i" * 129])
def test_an_event_whose_envelope_holds_no_ids_is_parked(system: ServiceSystem, member: str, value: Any):
    _publish_event(system, **{member: value})

    eventually(lambda: _assert_equal(len(parked.listing(system.uri)), 1))
    (entry,) = parked.listing(system.uri)
    assert (entry.queue, entry.reason) == ("toy.on_thing_added", "not_this_event")
    assert parked.discard(system.uri, None) == 1


@pytest.mark.fault("A24")
def test_what_an_event_says_about_its_cause_reaches_the_log_only_as_an_id(system: ServiceSystem):
    known = wire.new_id()
    canary = "Rosalind Quimby"
    before = _first_failures(system)

    _publish_event(system, correlationid=canary, traceparent=canary, id=known)
    _publish_event(system, correlationid={"name": canary}, traceparent=[canary])

    eventually(lambda: _assert_equal(_first_failures(system), before + 2))
    log = system.log.read_text()
    assert canary not in log
    assert known in log


def _publish_event(system: ServiceSystem, raw: bytes | None = None, **members: Any) -> None:
    """Publish an event about a thing that does not exist, so that the handler fails if it is called. `raw` are properties."""
    envelope = {
        "type": toy.thing_added.type,
        "id": wire.new_id(),
        "subject": "a" * 32,
        "organisation": "a" * 32,
        "organisationkey": "harbor",
        "data": {"thing_id": "b" * 32},
        **members,
    }
    target = TARGETS["events"]
    with raw_publisher(system.uri) as publisher:
        raw = raw or target.properties()
        assert publisher.publish(target.exchange, target.routing_key, raw, wire.encode(envelope))


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.fault("A13")
@pytest.mark.fault("A24")
@pytest.mark.parametrize("kind", TARGETS)
def test_ten_thousand_mutated_messages_disturb_nobody(system: ServiceSystem, kind: str):
    target = TARGETS[kind]
    seed = random.Random(os.environ.get("SEED", kind))
    kinds = list(_named_kinds(target).values())
    smaller = [raw for raw in kinds if len(raw) < 5000]
    raws = kinds + [mutated(seed.choice(smaller), seed) for _ in range(10_000 - len(kinds))]

    took = sorted(_attack(system, kind, raws))

    _assert_undisturbed(system)
    assert took[int(len(took) * 0.99)] <= 0.2
    _assert_parked_can_be_read_and_removed(system)
