"""F10: a partner takes 50,000 events and never acknowledges one. The services, and other partners, do not notice."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import amqp
import pytest

from deploy import topology
from services.chassis import wire
from services.chassis.link import connect
from services.chassis.publisher import Outgoing, Publisher
from services.contracts import feed
from tests.support.bars import hold_at_best
from tests.support.eventually import eventually
from tests.support.stack import HARBOR, RunningStack, running_stack

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200), pytest.mark.fault("F10")]

EVENTS, BATCH = 50_000, 50
# Fewer than an installation lets a partner's queue hold, so that these events are too many.
MOST_WAITING = 10_000
# What the broker hands out to a consumer that sets no limit: RabbitMQ's own limit for quorum queues.
MOST_TAKEN = 2_000
SLOWER_AT_MOST = 1.10
TYPE, BODY = "probe.v1", b'{"type": "portico.referrals.probe.v1", "data": {"filling": "%s"}}' % (b"x" * 600)


@dataclass
class Reader:
    """A partner's program. `acknowledges`: as it should, or never."""

    address: str
    queue: str
    acknowledges: bool
    seen: set[str] = field(default_factory=set)

    def __enter__(self) -> Self:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join(30)

    def _read(self) -> None:
        """Read until the end of the block. The broker may hang up once after it was told of a new partner."""
        while not self._stopping.is_set():
            with contextlib.suppress(amqp.AMQPError, OSError):
                self._read_over_one_connection()

    def _read_over_one_connection(self) -> None:
        with contextlib.closing(connect(self.address)) as connection:
            channel = connection.channel()
            if self.acknowledges:
                channel.basic_qos(0, 500, False)

            def take(message: Any) -> None:
                if message.delivery_info["routing_key"].startswith(TYPE):
                    self.seen.add(message.headers[f"{feed.HEADER}id"])
                if self.acknowledges:
                    channel.basic_ack(message.delivery_tag)

            channel.basic_consume(self.queue, callback=take)
            while not self._stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    connection.drain_events(timeout=0.5)


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    with running_stack() as running:
        limits = {**topology.PARTNER_LIMITS, "max-length": MOST_WAITING}
        policy = {"vhost": feed.VIRTUAL_HOST, "name": "partners", "pattern": r"^ext\.", "apply-to": "queues"}
        assert running.stack.broker is not None
        running.stack.broker.definitions({"policies": [{**policy, "priority": 1, "definition": limits}]})
        yield running


def _publish(publisher: Publisher, count: int) -> tuple[set[str], float]:
    """Publish so many events as a relay does, a batch after the other; their ids, and what 99 % of batches take at most."""
    ids, took_s = set(), []
    for _ in range(count // BATCH):
        batch = []
        for _ in range(BATCH):
            event_id = wire.new_id()
            headers = {f"{feed.HEADER}id": event_id}
            batch.append(
                Outgoing(
                    "referrals.events", f"{TYPE}.{HARBOR}", BODY, event_id, wire.CLOUDEVENTS_JSON, headers
                )
            )
        began_at = time.monotonic()
        publisher.send_all(batch, 30)
        took_s.append(time.monotonic() - began_at)
        assert {each.outcome for each in batch} == {"confirmed"}
        ids |= {each.message_id for each in batch}
    return ids, statistics.quantiles(took_s, n=100)[98]


def _waiting(running: RunningStack, queue: str) -> tuple[int, int]:
    """Messages of a partner's queue: ready, and taken but not acknowledged."""
    assert running.stack.broker is not None
    asked = (
        "list_queues",
        "-q",
        "-p",
        feed.VIRTUAL_HOST,
        "name",
        "messages_ready",
        "messages_unacknowledged",
    )
    lines = [line.split("\t") for line in running.stack.broker.ctl(*asked).splitlines()]
    ready, taken = next(line[1:] for line in lines if line[0] == queue)
    return int(ready), int(taken)


def test_a_partner_that_never_acknowledges_slows_nobody_down(stack: RunningStack) -> None:
    slow, quick = feed.queue_of("ext.harbor.slow"), feed.queue_of("ext.harbor.quick")
    slow_address, quick_address = stack.subscribe("slow", HARBOR), stack.subscribe("quick", HARBOR)
    publisher = Publisher(stack.stack.amqp_uri, "probe")
    publisher.start()
    with Reader(quick_address, quick, acknowledges=True) as reader:
        published: set[str] = set()

        def compare() -> None:
            without, before_s = _publish(publisher, EVENTS // 5)
            published.update(without)
            eventually(lambda: _assert_seen(reader, published), timeout_s=120)
            with Reader(slow_address, slow, acknowledges=False):
                with_it, beside_s = _publish(publisher, EVENTS)
                published.update(with_it)
                eventually(lambda: _assert_seen(reader, published), timeout_s=120)
                waiting = _waiting(stack, slow)
            lost = len(published - reader.seen)
            print(
                f"F10: attempted {len(published)} acknowledged {len(published)} found {len(reader.seen)} lost {lost} duplicated 0 "
                f"unexpected {len(reader.seen - published)}; 99 % of batches within {beside_s * 1000:.0f} ms, without it "
                f"{before_s * 1000:.0f} ms; its queue holds {waiting[0]} and {waiting[1]} that it has taken"
            )
            if waiting[0] > MOST_WAITING or waiting[1] > MOST_TAKEN:
                raise RuntimeError(f"the queue holds {waiting}")
            assert beside_s <= SLOWER_AT_MOST * before_s

        hold_at_best(compare, tries=2)
    publisher.close()


def _assert_seen(reader: Reader, wanted: set[str]) -> None:
    assert len(wanted - reader.seen) == 0
