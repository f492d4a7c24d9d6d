"""Incoming messages: one AMQP connection per process, with a channel for calls and one for events.

No message can stop the process. A message that cannot be read is answered if it has a sender. Otherwise it is parked, with
headers that say why. Bodies are never logged.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import amqp
import eventlet
from nameko.extensions import ProviderCollector, SharedExtension

from services.chassis import frames, metrics, wire
from services.chassis.link import Link, connect, write
from services.chassis.logs import log
from services.chassis.publisher import Outgoing
from services.chassis.reply_addresses import ReplyAddresses, is_known_to_broker

SPAWNED_IN_A_ROW = 8
# Properties of a parked message that are longer are not kept. A message's properties must fit into one frame of 128 KB.
MOST_PROPERTIES_KEPT = 64 * 1024


class Inbound(SharedExtension, ProviderCollector):  # type: ignore[misc]  # nameko has no types
    """Consumes the service's queues and hands each message to its entrypoint."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: dict[str, Any] = {}
        self._queues: dict[str, Any] = {}
        self._call_channel: Any = None
        self._event_channel: Any = None
        self._tags: list[tuple[Any, str]] = []
        self.missing: list[str] = []
        """Queues of events that do not exist at the broker. The service works without them, and takes them up once they do."""
        self._draining = threading.Event()
        self._link: Link | None = None
        self._workers = eventlet.GreenPool(1)
        self._in_a_row = 0

    def setup(self) -> None:
        self.runtime = self.container.config["runtime"]
        settings = self.runtime.settings
        self._link = Link(
            settings.amqp_uri, f"{self.runtime.service}-inbound", self._open, self._lost, settings.heartbeat_s
        )
        self.runtime.inbound = self
        self._reply_addresses = ReplyAddresses(partial(is_known_to_broker, settings.amqp_uri))

    def start(self) -> None:
        assert self._link is not None  # noqa: S101 - nameko calls setup first
        # One worker for each message that can be delivered at once, so that the reader never waits for a worker. nameko's
        # pool sets up a context and logs for each call, which costs as much as the rest of an empty operation.
        settings = self.runtime.settings
        metrics.WORKERS_BUSY.labels(self.runtime.service).set_function(self._workers.running)
        self._workers.resize(settings.rpc_workers + settings.event_workers * len(self._queues) + 2)
        self._link.start()

    @property
    def is_consuming(self) -> bool:
        """Whether all messages can come in right now."""
        is_open = self._link is not None and self._link.is_open.is_set()
        return is_open and not self.missing and not self._draining.is_set()

    def serve(self, method: str, provider: Any) -> None:
        """Register the entrypoint of an operation."""
        self._calls[method] = provider

    def listen(self, queue: str, provider: Any) -> None:
        """Register the entrypoint of an event's queue."""
        self._queues[queue] = provider

    def spawn(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run `work` in a worker. It must not raise; an entrypoint's `perform` catches every exception.

        The reader takes what has arrived without waiting. After a few messages it lets their workers run, so that a crowd is
        not served in one turn of the loop, during which nobody else gets a word in.
        """
        self._workers.spawn_n(work, *arguments)
        self._in_a_row += 1
        if self._in_a_row >= SPAWNED_IN_A_ROW:
            self._in_a_row = 0
            eventlet.sleep(0)

    @property
    def queues(self) -> list[str]:
        """The queues that this service consumes, and the parking queue."""
        calls = [wire.rpc_queue(self.runtime.service)] if self._calls else []
        return [*calls, *(each for each in self._queues if each not in self.missing), wire.PARKING_QUEUE]

    def take_up_missing(self) -> bool:
        """Connect anew if a queue that was missing exists by now. Returns True: a loop calls this."""
        if self.missing and self._link is not None and self._link.is_open.is_set():
            with contextlib.closing(connect(self.runtime.settings.amqp_uri, 2)) as connection:
                still = _missing_of(connection, self.missing)
            if still != self.missing:
                self._link.renew()
        return True

    def drain(self) -> None:
        """Take no more messages. Delivered messages that no worker has begun go to another replica when the link closes."""
        if self._draining.is_set():
            return
        self._draining.set()
        for channel, tag in self._tags:
            try:
                channel.basic_cancel(tag, nowait=True)
            except (OSError, ConnectionError, amqp.AMQPError):
                log.info("cancel_without_link")

    def stop(self) -> None:
        self.drain()
        self._workers.waitall()
        if self._link is not None:
            self._link.close()
        super().stop()

    def kill(self) -> None:
        """Stop without waiting for running work."""
        self._draining.set()
        if self._link is not None:
            self._link.close()

    def _open(self, connection: Any) -> None:
        settings = self.runtime.settings
        self._tags, self.missing = [], []
        if self._calls and not self._draining.is_set():
            self._call_channel = self._consume(
                connection, settings.rpc_workers, {wire.rpc_queue(self.runtime.service): self._on_call}
            )
        if self._queues and not self._draining.is_set():
            callbacks = {queue: _bound(self._on_event, queue) for queue in self._queues}
            self._event_channel = self._listen(connection, settings.event_workers, callbacks)

    def _listen(self, connection: Any, prefetch: int, callbacks: dict[str, Callable[[Any], None]]) -> Any:
        """Consume queues of events. One that does not exist stops neither the others nor the calls."""
        tags = list(self._tags)
        try:
            return self._consume(connection, prefetch, callbacks)
        except amqp.NotFound:  # the broker has closed the channel with all its consumers
            self._tags, self.missing = tags, _missing_of(connection, callbacks)
            log.error("queues_missing", queues=self.missing)
        there = {queue: callback for queue, callback in callbacks.items() if queue not in self.missing}
        return self._consume(connection, prefetch, there)

    def _consume(self, connection: Any, prefetch: int, callbacks: dict[str, Callable[[Any], None]]) -> Any:
        channel = connection.channel()
        channel.auto_decode = False
        channel.basic_qos(0, prefetch, False)  # per consumer: quorum queues know no other
        for queue, callback in callbacks.items():
            self._tags.append((channel, channel.basic_consume(queue, callback=callback)))
        return channel

    def _lost(self) -> None:
        self._call_channel = self._event_channel = None

    # calls

    def _on_call(self, message: Any) -> None:
        if self._draining.is_set():
            return  # unacknowledged, so the broker puts it back into the queue
        if message.properties.get("reply_to") in self._reply_addresses.accepted:
            self._serve_call(message)
        else:
            self.spawn(self._admit_caller, message)

    def _admit_caller(self, message: Any) -> None:
        """Serve the first call of a caller. A call that cannot be answered is parked, and not carried out."""
        try:
            is_accepted = self._reply_addresses.accept(message.properties.get("reply_to", ""))
        except (OSError, amqp.AMQPError):
            time.sleep(1.0)  # the broker is away; it delivers the call again
            self.give_back(message)
            return
        if is_accepted:
            self._serve_call(message)
        else:
            self.park(message, "no_reply_to")

    def _serve_call(self, message: Any) -> None:
        method = message.delivery_info["routing_key"].rpartition(".")[2]
        provider = self._calls.get(method)
        if method == "check_health":
            self.spawn(self._answer_health, message)
        elif provider is None:
            self.reply(message, error=("unknown_operation", "This service has no such operation."))
        else:
            provider.take(message)

    def _answer_health(self, message: Any) -> None:
        checks = self.runtime.checks()
        self.reply(message, {"ok": all(checks.values()), "checks": checks})

    def reply(
        self,
        message: Any,
        result: Any = None,
        error: tuple[Any, ...] | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        """Answer a call, then acknowledge it. `error` is (code, detail, field). The caller may be gone, which is not an error."""
        failure = None
        if error is not None:
            failure = {
                "exc_type": "Refused",
                "exc_path": "services.contracts.errors.Refused",
                "exc_args": list(error),
                "value": str(error[1]),
                "more": more or {},
            }
        body = wire.encode({"result": result, "error": failure})
        if len(body) > wire.MAX_ANSWER_BYTES:
            log.error("answer_too_large", bytes=len(body))
            told = "The answer is larger than a message may be. Ask for fewer at once."
            self.reply(message, error=("internal_error", told, None))
            return
        reply_to = message.properties["reply_to"]
        # Direct reply-to addresses belong to the default exchange. The reply queue of a stock proxy is bound to nameko's.
        exchange = "" if reply_to.startswith("amq.") else wire.RPC_EXCHANGE
        try:
            channel = message.channel
            answer = frames.publication(
                channel.channel_id,
                channel.connection.frame_max,
                exchange,
                reply_to,
                body,
                content_type=wire.JSON,
                content_encoding="utf-8",
                correlation_id=message.properties.get("correlation_id") or "",
            )
            write(channel, answer + frames.acknowledgement(channel.channel_id, message.delivery_tag))
        except (OSError, ConnectionError, AttributeError, amqp.AMQPError):
            log.warning(
                "reply_without_link"
            )  # the call is delivered again, and its request id prevents a second effect

    # events

    def _on_event(self, queue: str, message: Any) -> None:
        if not self._draining.is_set():
            self._queues[queue].take(message)

    def acknowledge(self, message: Any) -> None:
        """Acknowledge this message."""
        try:
            message.channel.basic_ack(message.delivery_tag)
        except (OSError, ConnectionError, AttributeError, amqp.AMQPError):
            log.warning("ack_without_link")  # it is delivered again, and the inbox recognises it

    def give_back(self, message: Any) -> None:
        """Put this message back into its queue."""
        try:
            message.channel.basic_reject(message.delivery_tag, requeue=True)
        except (OSError, ConnectionError, AttributeError, amqp.AMQPError):
            log.warning("reject_without_link")

    def pass_on(self, message: Any, exchange: str, routing_key: str, headers: dict[str, Any]) -> bool:
        """Publish a copy with confirmation, then acknowledge the original. Returns False if the broker did not take the copy."""
        if self._copy(message, exchange, routing_key, headers) == "confirmed":
            self.acknowledge(message)
            return True
        time.sleep(1.0)  # a pause, because the broker would deliver it again at once
        self.give_back(message)
        return False

    def park(self, message: Any, reason: str) -> None:
        """Move a call to the parking queue, where an operator can inspect it and send it again or discard it.

        When the parking queue is full the call is discarded: its caller gets no answer in either case.
        """
        queue = wire.rpc_queue(self.runtime.service)
        if self._copy_to_parking(message, reason, queue) != "unknown":
            self.acknowledge(message)
        else:
            time.sleep(1.0)
            self.give_back(message)

    def park_event(self, message: Any, reason: str, queue: str) -> bool:
        """Move an event to the parking queue. Returns False, and keeps the event, if the parking queue does not take it."""
        is_parked = self._copy_to_parking(message, reason, queue) == "confirmed"
        if is_parked:
            self.acknowledge(message)
        return is_parked

    def _copy_to_parking(self, message: Any, reason: str, queue: str) -> str:
        headers = {
            "portico-queue": queue,
            "portico-reason": reason,
            "portico-service": self.runtime.service,
            "portico-routing-key": message.delivery_info.get("routing_key", ""),
            "portico-parked-at": int(time.time()),
        }
        if len(message.raw_properties) <= MOST_PROPERTIES_KEPT:
            headers["portico-properties"] = message.raw_properties.decode("utf-8", "surrogateescape")
        outcome = self._copy(message, "", wire.PARKING_QUEUE, headers)
        if outcome == "confirmed":
            metrics.PARKED.labels(queue, reason).inc()
            log.warning("parked", queue=queue, reason=reason, size=len(message.body))
        else:
            metrics.NOT_PARKED.labels(queue, reason).inc()
            log.error("not_parked", queue=queue, reason=reason, size=len(message.body), outcome=outcome)
        return outcome

    def _copy(self, message: Any, exchange: str, routing_key: str, headers: dict[str, Any]) -> str:
        """Publish the body again under an id of its own. Returns the outcome (see `Outgoing`)."""
        content_type = message.properties.get("content_type") or "application/octet-stream"
        copy = Outgoing(exchange, routing_key, message.body, wire.new_id(), content_type, headers)
        self.runtime.publisher.send_all([copy])
        return copy.outcome


def _missing_of(connection: Any, queues: Iterable[str]) -> list[str]:
    """Those of these queues that do not exist at the broker."""
    missing = []
    for queue in queues:
        channel = connection.channel()
        try:
            channel.queue_declare(queue, passive=True)
        except amqp.NotFound:
            missing.append(queue)
        channel.close()
    return missing


def _bound(function: Callable[[str, Any], None], queue: str) -> Callable[[Any], None]:
    return lambda message: function(queue, message)
