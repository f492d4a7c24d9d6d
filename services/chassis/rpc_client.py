"""The client that calls services, for the gateway (threads) and for services (greenlets).

Every call has a deadline, in a header and as the message's expiration. Replies come over RabbitMQ's direct reply-to,
so no reply queue can be left behind. The client tells a service that is not running from one that is slow.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import amqp

from services.chassis import metrics, tracing, wire
from services.chassis.link import Link, LinkDown, connect, publish
from services.chassis.waiting import SILENT_AFTER_S, Waiting, refusal
from services.contracts.declare import Operation
from services.contracts.errors import CODES, Refused

REPLY_TO = "amq.rabbitmq.reply-to"
PATIENCE_S = 0.4  # after this time without an answer the client checks whether the service is running
ABSENCE_KNOWN_S = 0.5  # how long the client relies on the finding that a service is not running
LINK_MAY_TAKE_S = 1.0  # to come up after a loss; until then calls wait for it
DOUBTED_AFTER_S, LONGEST_DOUBT_S = 2.0, 60.0  # of a link over which a service has never answered
ASK_WITHIN_S = 1.0  # the broker is given up when it takes longer to say whether a service is running
LOOK_WITHIN_S = 3.0  # as above, where nobody is held up by it: over a late connection a login takes a second


class _Waiter:
    """One call that waits for its answer. A lock is the cheapest way to wake one thread or greenlet."""

    __slots__ = ("is_late", "lock", "outcome", "service")

    def __init__(self, service: str) -> None:
        self.service = service
        self.is_late = False
        self.lock = threading.Lock()
        self.lock.acquire()
        self.outcome: Any = None

    def settle(self, outcome: Any) -> None:
        self.outcome = outcome
        self.lock.release()


def _unavailable(detail: str) -> Refused:
    return Refused("service_unavailable", detail, retry_after_s=1)


class RpcClient:
    """Calls operations. Safe in threads. Start it after a fork: `call` fails in another process than `start`."""

    def __init__(
        self, uri: str, name: str, heartbeat_s: int = 10, timeout_s: float = 5.0, workers: int = 64
    ) -> None:
        """`workers`: how many threads or greenlets call at once, at most."""
        self._timeout_s = timeout_s
        self.waiting = Waiting(workers)
        self._down_since = time.monotonic()
        self._pending: dict[str, _Waiter] = {}
        self._series: dict[tuple[str, str, str], Any] = {}
        self._channel: Any = None
        self._link = Link(uri, f"{name}-rpc", self._open, self._lost, heartbeat_s)
        self._presence = _Presence(uri, self._nobody_serves)
        self._up_since = 0.0
        self._heard: set[str] = set()
        self._doubts: dict[str, float] = {}
        self._process_id: int | None = None

    def start(self) -> None:
        """Connect in the background."""
        self._process_id = os.getpid()
        self._link.start()
        self._presence.start()

    def close(self) -> None:
        """End all waiting calls and close the connection."""
        self._link.close()
        self._presence.stop()
        self._lost()

    @property
    def is_connected(self) -> bool:
        """Whether the broker is reachable right now."""
        return self._link.is_open.is_set()

    @property
    def pending(self) -> int:
        """Calls that wait for an answer."""
        return len(self._pending)

    def call(self, operation: Operation, arguments: Mapping[str, Any], context: wire.CallContext) -> Any:
        """Call an operation and return its reply (plain JSON values).

        Raises Refused with a code of the operation, `service_unavailable` (service or broker not running) or `timeout`.
        """
        assert self._process_id == os.getpid(), "the client must be started in the process that uses it"  # noqa: S101 - a fault in our code
        started = time.monotonic()
        timeout_s = self._time_left(operation, context)
        outcome = "timeout"
        span = tracing.begin("client", operation.address, context.traceparent)
        trace = span.traceparent if span else wire.child_traceparent(context.traceparent)
        try:
            with self.waiting.of(operation.service):
                result = self._exchange(operation, arguments, replace(context, traceparent=trace), timeout_s)
            outcome = "ok"
            return result
        except Refused as refusal:
            outcome = refusal.code
            raise
        finally:
            self._observe((operation.service, operation.name, outcome), time.monotonic() - started)
            if span is not None:
                span.end(outcome, is_fault=CODES.get(outcome, 0) >= 500)

    def _observe(self, labels: tuple[str, str, str], took_s: float) -> None:
        series = self._series.get(labels)
        if series is None:
            series = self._series[labels] = metrics.CALLS_MADE.labels(*labels)
        series.observe(took_s)

    def _time_left(self, operation: Operation, context: wire.CallContext) -> float:
        own = operation.timeout_s or self._timeout_s
        remaining = context.remaining_s()
        timeout_s = own if remaining is None else min(own, remaining)
        if timeout_s <= 0:
            raise Refused("timeout", "The deadline passed before the call was made.")
        return timeout_s

    def _exchange(
        self, operation: Operation, arguments: Mapping[str, Any], context: wire.CallContext, timeout_s: float
    ) -> Any:
        ends_at = time.monotonic() + timeout_s
        self._presence.refuse_if_known_absent(operation.service, ends_at)
        if not self._is_up(timeout_s) or self._link.is_blocked:
            raise _unavailable("The message broker cannot be reached.")
        context = replace(context, deadline=time.time() + timeout_s)
        body = wire.encode({"args": (), "kwargs": arguments})
        if len(body) > wire.MAX_BODY_BYTES:
            raise Refused("request_too_large", "The request is larger than 1 MiB.")
        call_id = wire.new_id()
        waiter = self._pending[call_id] = _Waiter(operation.service)
        try:
            self._publish(operation, body, call_id, context, timeout_s)
            self._await(waiter, ends_at)
        finally:
            self._pending.pop(call_id, None)
        if not isinstance(waiter.outcome, Refused):
            self.waiting.answered(operation.service)
            self._hear(operation.service)
        return _unwrap(waiter.outcome)

    def _is_up(self, timeout_s: float) -> bool:
        """Whether the link is up. After a loss this waits for it, but nobody waits long for one that stays down."""
        left_s = self._down_since + LINK_MAY_TAKE_S - time.monotonic()
        return self._link.is_open.is_set() or self._link.is_open.wait(min(timeout_s, max(0.0, left_s)))

    def _publish(
        self, operation: Operation, body: bytes, call_id: str, context: wire.CallContext, timeout_s: float
    ) -> None:
        try:
            publish(
                self._channel,
                wire.RPC_EXCHANGE,
                operation.address,
                body,
                mandatory=True,
                content_type=wire.JSON,
                content_encoding="utf-8",
                reply_to=REPLY_TO,
                correlation_id=call_id,
                expiration=str(max(1, int(timeout_s * 1000))),
                headers=context.headers(),
            )
        except (OSError, ConnectionError, AttributeError, amqp.AMQPError) as error:
            raise _unavailable("The connection to the message broker was lost.") from error

    def _await(self, waiter: _Waiter, ends_at: float) -> None:
        service = waiter.service
        if waiter.lock.acquire(timeout=max(0.0, min(PATIENCE_S, ends_at - time.monotonic()))):
            return
        waiter.is_late = True
        self._presence.look_soon(service)
        if waiter.lock.acquire(timeout=max(0.0, min(SILENT_AFTER_S, ends_at - time.monotonic()))):
            return
        if self.waiting.is_too_much(service):
            raise refusal(service)
        if not waiter.lock.acquire(timeout=max(0.0, ends_at - time.monotonic())):
            self._doubt(service)
            raise Refused("timeout", f"The {service} service did not answer in time.")

    def _nobody_serves(self, service: str) -> None:
        """Refuse the late calls of a service whose queue has no consumer and holds messages."""
        for call_id, waiter in list(self._pending.items()):
            if waiter.service == service and waiter.is_late and self._pending.pop(call_id, None) is not None:
                waiter.settle(_unavailable(f"The {service} service is not running."))

    def _hear(self, service: str) -> None:
        if service not in self._heard:
            self._heard.add(service)
            self._doubts.pop(service, None)

    def _doubt(self, service: str) -> None:
        """Give the link up if the service has never answered over it, for whatever reason, and more seldom each time.

        RabbitMQ 3.10 loses what a new channel publishes to a quorum queue first, if the queue's leader was lost with its node a moment
        ago. It then waits for that message, and keeps back all that the channel publishes to that queue later.
        """
        patience_s = self._doubts.get(service, DOUBTED_AFTER_S)
        if service in self._heard or time.monotonic() - self._up_since < patience_s:
            return
        self._doubts[service] = min(2 * patience_s, LONGEST_DOUBT_S)
        self._link.renew()

    def _open(self, connection: Any) -> None:
        channel = connection.channel()
        channel.auto_decode = False
        channel.events["basic_return"].add(self._on_return)
        channel.basic_consume(REPLY_TO, no_ack=True, callback=self._on_reply)
        self._heard.clear()
        self._up_since = time.monotonic()
        self._channel = channel

    def _on_reply(self, message: Any) -> None:
        waiter = self._pending.pop(message.properties.get("correlation_id"), None)
        if waiter is None:
            return  # the call has timed out
        try:
            waiter.settle(wire.decode(message.body, message.properties, wire.MAX_ANSWER_BYTES))
        except wire.Undecodable:
            waiter.settle(Refused("internal_error", "The service gave an answer that cannot be read."))

    def _on_return(self, _error: Any, _exchange: str, routing_key: str, message: Any) -> None:
        waiter = self._pending.pop(message.properties.get("correlation_id"), None)
        if waiter is not None:
            waiter.settle(_unavailable(f"There is no {routing_key.partition('.')[0]} service."))

    def _lost(self) -> None:
        self._channel = None
        self._down_since = time.monotonic()
        while self._pending:
            _, waiter = self._pending.popitem()
            waiter.settle(
                _unavailable(
                    "The connection to the message broker was lost; the request may have been carried out."
                )
            )


def _unwrap(outcome: Any) -> Any:
    """The result of a nameko reply, or its error raised as Refused."""
    if isinstance(outcome, Refused):
        raise outcome
    error: Any = outcome.get("error") if isinstance(outcome, dict) else "no answer of an operation"
    if not error:
        return outcome.get("result")
    match error:
        case {"exc_type": "Refused", "exc_args": [str() as code, *others]} if code in CODES:
            detail, field = (*others, None, None)[:2]
            more = error.get("more")
            raise Refused(code, detail or "", field, **(more if isinstance(more, dict) else {}))
    raise Refused("internal_error", "The service failed.")


class _Presence:
    """Whether a service's queue has consumers. The broker is asked only when an answer is late, over a separate connection.

    That takes longer than an answer where the connection is slow, so it is done beside the waiting, in a thread.
    """

    def __init__(self, uri: str, tell_absent: Callable[[str], None]) -> None:
        self._uri = uri
        self._tell_absent = tell_absent
        self._lock = threading.Lock()
        self._connection: Any = None
        self._known: dict[str, tuple[float, int, int]] = {}
        self._wanted: set[str] = set()
        self._wake = threading.Event()
        self._is_stopping = False

    def start(self) -> None:
        """Begin to look when somebody asks for it."""
        threading.Thread(target=self._run, name="presence", daemon=True).start()

    def stop(self) -> None:
        """End after the current look."""
        self._is_stopping = True
        self._wake.set()

    def look_soon(self, service: str) -> None:
        """Look beside the calls that wait for this service, and tell if it is not running.

        A process that is stopping takes no new calls but finishes the one it has. Then the queue is empty, and the call
        waits until its deadline.
        """
        self._wanted.add(service)
        self._wake.set()

    def _run(self) -> None:
        while not self._is_stopping:
            self._wake.wait()
            self._wake.clear()
            while self._wanted and not self._is_stopping:
                service = self._wanted.pop()
                consumers, waiting = self._ask(service, time.monotonic() + LOOK_WITHIN_S)
                if consumers == 0 and waiting > 0:
                    self._tell_absent(service)

    def refuse_if_known_absent(self, service: str, ends_at: float) -> None:
        """Before a call: refuse if the service was not running a moment ago and still is not.

        A broker that hangs holds nobody beyond ASK_WITHIN_S, nor beyond the call's own end.
        """
        asked_at, consumers, _ = self._known.get(service, (0.0, 1, 0))
        if consumers == 0 and (
            asked_at > time.monotonic() - ABSENCE_KNOWN_S
            or self._ask(service, min(ends_at, time.monotonic() + ASK_WITHIN_S))[0] == 0
        ):
            raise _unavailable(f"The {service} service is not running.")

    def _ask(self, service: str, ends_at: float) -> tuple[int, int]:
        """(consumers, messages waiting). One caller asks the broker; callers that waited for the lock use the answer."""
        came_at = time.monotonic()
        if not self._lock.acquire(timeout=max(0.0, ends_at - came_at)):
            return 1, 0  # the broker does not answer another caller either
        try:
            asked_at, consumers, waiting = self._known.get(service, (0.0, 1, 0))
            if asked_at < came_at - 0.1:
                consumers, waiting = self._look(service, ends_at)
                self._known[service] = (time.monotonic(), consumers, waiting)
            return consumers, waiting
        finally:
            self._lock.release()

    def _look(self, service: str, ends_at: float) -> tuple[int, int]:
        for _ in range(2):  # the kept connection may be dead although the broker is back
            left_s = ends_at - time.monotonic()
            if left_s <= 0:
                break
            try:
                return self._look_once(service, left_s)
            except (OSError, ConnectionError, amqp.AMQPError, LinkDown):
                self._connection = None
        # Without an answer of the broker the presence is unknown, so the call waits until its deadline.
        return 1, 0

    def _look_once(self, service: str, within_s: float) -> tuple[int, int]:
        if self._connection is None or not self._connection.connected:
            self._connection = connect(self._uri, within_s)
        self._connection.transport.sock.settimeout(within_s)
        try:
            channel = self._connection.channel()
            try:
                queue = channel.queue_declare(wire.rpc_queue(service), passive=True)
                return int(queue.consumer_count), int(queue.message_count)
            finally:
                channel.close()
        except amqp.NotFound:
            return 0, 1
