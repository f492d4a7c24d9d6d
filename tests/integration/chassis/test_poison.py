"""F11: malformed messages. None of them may stop a service, slow it down, or reach a log."""

from __future__ import annotations

import bz2
import concurrent.futures
import contextlib
import gzip
import time
from collections.abc import Iterator
from typing import Any

import amqp
import pytest

from services.chassis import wire
from tests.support import toy
from tests.support.bars import is_overloaded
from tests.support.eventually import eventually
from tests.support.toy_process import ServiceSystem, call, message_count, toy_system

CANARY = "canary-31f0"
GOOD = b'{"args": [], "kwargs": {}}'
NEST = 100_000
GOOD_FOR_EACH, PARKED_WITHIN_S, THROUGHPUT = 1000, 60.0, 0.9


@pytest.fixture(scope="module")
def system(module_vhost: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceSystem]:
    with toy_system(module_vhost, tmp_path_factory.mktemp("toy")) as running:
        yield running


def _kinds(system: ServiceSystem) -> dict[str, tuple[bytes, str, dict[str, Any]]]:
    """Body, method and properties of each kind of poison."""
    json = {"content_type": "application/json", "content_encoding": "utf-8"}
    canary = f'{{"args": [], "kwargs": {{"secret": "{CANARY}"}}}}'.encode()
    return {
        "no reply_to": (canary, "fail", {**json, "reply_to": None}),
        "no content type": (canary, "do_nothing", {}),
        "call stack is no list": (
            canary,
            "do_nothing",
            {**json, "application_headers": {"nameko.call_id_stack": CANARY}},
        ),
        "undecodable": (b"{" + CANARY.encode(), "do_nothing", json),
        "refused content type": (canary, "do_nothing", {"content_type": "application/x-python-serialize"}),
        "bzip2": (
            bz2.compress(canary * 1000),
            "do_nothing",
            {**json, "application_headers": {"compression": "application/x-bz2"}},
        ),
        "gzip": (
            gzip.compress(canary * 1000),
            "do_nothing",
            {**json, "application_headers": {"compression": "application/x-gzip"}},
        ),
        "16 MB": (b'{"args": [], "kwargs": {"x": "' + b"x" * 16_000_000 + b'"}}', "do_nothing", json),
        "nesting": (b"[" * NEST + b"]" * NEST, "do_nothing", json),
        "missing arguments": (b'{"args": []}', "greet", json),
        "wrong argument types": (b'{"args": 7, "kwargs": ["' + CANARY.encode() + b'"]}', "greet", json),
        "unknown method": (canary, "no_such_method", json),
        "huge headers": (
            canary,
            "do_nothing",
            {**json, "application_headers": {f"h{i}": CANARY * 100 for i in range(60)}},
        ),
        "forged passport": (
            canary,
            "greet",
            {**json, "application_headers": {"nameko.passport": f"a.{CANARY}.c"}},
        ),
        "deadline passed": (
            canary,
            "fail",
            {**json, "application_headers": {"nameko.deadline": str(time.time() - 1)}},
        ),
    }


@pytest.mark.fault("F11")
def test_no_poison_stops_the_service_or_reaches_a_log(system: ServiceSystem):
    kinds = _kinds(system)
    client = system.client()
    clean_s = _time_of_good_calls(client, 1000)
    with contextlib.closing(system.connection()) as connection:
        channel = connection.channel()
        answers: list[Any] = []
        channel.basic_consume("amq.rabbitmq.reply-to", no_ack=True, callback=answers.append)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            good = pool.submit(_time_of_good_calls, client, 1000)
            for _ in range(3):
                for kind in kinds.values():
                    _send_poison(channel, *kind)
            expected = 3 * (len(kinds) - 1)
            ends_at = time.monotonic() + 30
            while len(answers) < expected and time.monotonic() < ends_at:
                with contextlib.suppress(TimeoutError):
                    connection.drain_events(timeout=1)
            disturbed_s = good.result()

        assert len(answers) == expected
        assert system.processes[0].poll() is None
        assert call(client, toy.do_nothing) == {}
        eventually(lambda: _assert_equal(message_count(connection, wire.PARKING_QUEUE), 3))
    assert CANARY not in system.log.read_text()
    assert "xxxxxxxx" not in system.log.read_text()
    # 45 poisonous messages among 1,000 good ones, 48 MB of them: the good ones may be slow, but all are answered.
    assert disturbed_s < 5 * clean_s + 3
    client.close()


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.fault("F11")
def test_each_poison_among_a_thousand_good_messages_costs_a_tenth_at_most(system: ServiceSystem):
    kinds, client = _kinds(system), system.client()
    clean_s = disturbed_s = 0.0
    answers: list[Any] = []
    with contextlib.closing(system.connection()) as connection:
        parked = message_count(connection, wire.PARKING_QUEUE)
        channel = connection.channel()
        channel.basic_consume("amq.rabbitmq.reply-to", no_ack=True, callback=answers.append)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            for body, method, properties in kinds.values():
                clean_s += _time_of_good_calls(client, GOOD_FOR_EACH)
                good = pool.submit(_time_of_good_calls, client, GOOD_FOR_EACH)
                _send_poison(channel, body, method, properties)
                disturbed_s += good.result()
        began_at = time.monotonic()
        expected = len(kinds) - 1  # one has nobody to answer to, and is parked
        while len(answers) < expected and time.monotonic() < began_at + PARKED_WITHIN_S:
            with contextlib.suppress(TimeoutError):
                connection.drain_events(timeout=1)
        channel.basic_publish(
            amqp.Message(CANARY.encode(), content_type=wire.CLOUDEVENTS_JSON),
            exchange="toy.events",
            routing_key="thing_added.v1.harbor",
        )
        eventually(
            lambda: _assert_equal(message_count(connection, wire.PARKING_QUEUE), parked + 2),
            timeout_s=PARKED_WITHIN_S,
        )
        parked_s = time.monotonic() - began_at
    ends = sum(each.poll() is not None for each in system.processes)
    log = system.log.read_text()
    client.close()

    attempted = len(kinds) * (GOOD_FOR_EACH + 1) + 1
    print(
        f"F11: attempted {attempted} acknowledged {len(kinds) * GOOD_FOR_EACH + len(answers)} found {len(answers)} answers and 2 "
        f"parked lost {expected - len(answers)} duplicated 0 recovered {parked_s:.1f} s unexpected {ends} exits; throughput "
        f"{clean_s / disturbed_s:.0%} of the undisturbed {len(kinds) * GOOD_FOR_EACH / clean_s:.0f} calls/s"
    )
    assert (len(answers), ends) == (expected, 0)
    assert CANARY not in log
    assert "xxxxxxxx" not in log
    assert clean_s / disturbed_s >= THROUGHPUT or is_overloaded()


def _send_poison(channel: Any, body: bytes, method: str, properties: dict[str, Any]) -> None:
    sent = {"reply_to": "amq.rabbitmq.reply-to", "correlation_id": "p", **properties}
    message = amqp.Message(body, **{key: value for key, value in sent.items() if value is not None})
    channel.basic_publish(message, exchange=wire.RPC_EXCHANGE, routing_key=f"toy.{method}")


def _time_of_good_calls(client, count: int) -> float:
    started = time.monotonic()
    for _ in range(count):
        assert call(client, toy.do_nothing) == {}
    return time.monotonic() - started


def _assert_equal(actual, expected) -> None:
    assert actual == expected


@pytest.mark.fault("F11")
def test_an_event_that_cannot_be_read_is_parked_at_once(system: ServiceSystem):
    with contextlib.closing(system.connection()) as connection:
        channel = connection.channel()
        before = message_count(connection, wire.PARKING_QUEUE)
        bodies = (
            b"{",
            b"[]",
            b'{"type": "portico.toy.thing_added.v1", "data": {"thing_id": "canary-31f0"}}',
            b"\xff\xfe",
            b"",
        )
        for body in bodies:
            message = amqp.Message(body, content_type=wire.CLOUDEVENTS_JSON)
            channel.basic_publish(message, exchange="toy.events", routing_key="thing_added.v1.harbor")

        eventually(lambda: _assert_equal(message_count(connection, wire.PARKING_QUEUE), before + len(bodies)))

    assert system.processes[0].poll() is None
    assert CANARY not in system.log.read_text()
