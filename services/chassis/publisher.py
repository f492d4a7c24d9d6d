"""Publishing with the broker's confirmation and a timeout. It also tells which messages no queue took."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import amqp

from services.chassis.link import Link, publish

DURABLE = 2


@dataclass
class Outgoing:
    """A message to publish and, afterwards, what became of it: `confirmed`, `unroutable`, `refused` or `unknown`."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    content_type: str
    headers: dict[str, Any] = field(default_factory=dict)
    outcome: str = "unknown"


class Publisher:
    """A channel in confirm mode. Its connection is separate because a broker short of memory blocks publishing connections."""

    def __init__(self, uri: str, name: str, heartbeat_s: int = 10) -> None:
        self._link = Link(uri, f"{name}-publisher", self._open, self._lost, heartbeat_s)
        self._lock = threading.Lock()
        self._settled = threading.Condition(self._lock)
        self._waiting: dict[int, Outgoing] = {}
        self._channel: Any = None
        self._tag = 0

    def start(self) -> None:
        """Connect in the background."""
        self._link.start()

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    @property
    def is_connected(self) -> bool:
        """Whether the broker takes messages right now."""
        return self._link.is_open.is_set() and not self._link.is_blocked

    def send_all(self, messages: Sequence[Outgoing], timeout_s: float = 5.0) -> None:
        """Publish these and wait until the broker has answered each; sets `outcome`. A lost broker raises nothing.

        `unknown` means that the message may or may not have arrived. Publish it again: consumers recognise its id.
        """
        if not self._link.is_open.wait(timeout_s):
            return
        ends_at = time.monotonic() + timeout_s
        tags = []
        try:
            for message in messages:
                tags.append(self._send(message))  # noqa: PERF401 - the tags sent before a failure must stay in the list
        except (OSError, ConnectionError, AttributeError, amqp.AMQPError):
            pass  # messages that were not sent keep the outcome `unknown`
        with self._settled:
            for tag in tags:  # in order, so that a confirmation does not cause another look at all tags
                while tag in self._waiting and time.monotonic() < ends_at:
                    self._settled.wait(max(0.0, ends_at - time.monotonic()))
            unsettled = [tag for tag in tags if self._waiting.pop(tag, None) is not None]
        if unsettled and not self._link.is_blocked:
            # After the loss of a node a channel may confirm nothing more, for ever (see `RpcClient._doubt`).
            self._link.renew()

    def _send(self, message: Outgoing) -> int:
        with self._lock:
            # The broker numbers messages in the order of their writes, so writing and counting share one lock.
            publish(
                self._channel,
                message.exchange,
                message.routing_key,
                message.body,
                mandatory=True,
                content_type=message.content_type,
                content_encoding="utf-8",
                delivery_mode=DURABLE,
                message_id=message.message_id,
                headers=message.headers,
            )
            self._tag += 1
            self._waiting[self._tag] = message
            return self._tag

    def _open(self, connection: Any) -> None:
        channel = connection.channel()
        channel.confirm_select()
        channel.events["basic_ack"].add(lambda tag, multiple: self._settle(tag, multiple, "confirmed"))
        channel.events["basic_nack"].add(lambda tag, multiple: self._settle(tag, multiple, "refused"))
        channel.events["basic_return"].add(self._returned)
        with self._lock:
            self._channel, self._tag = channel, 0

    def _settle(self, tag: int, multiple: bool, outcome: str) -> None:
        with self._settled:
            settled = [known for known in self._waiting if known <= tag] if multiple else [tag]
            for each in settled:
                message = self._waiting.pop(each, None)
                if message is not None and message.outcome == "unknown":
                    message.outcome = outcome
            self._settled.notify_all()

    def _returned(self, _error: Any, _exchange: str, _routing_key: str, returned: Any) -> None:
        # The broker confirms a returned message right after the return, so the first outcome must stay.
        with self._lock:
            for message in self._waiting.values():
                if message.message_id == returned.properties.get("message_id"):
                    message.outcome = "unroutable"

    def _lost(self) -> None:
        with self._settled:
            self._channel = None
            self._waiting.clear()
            self._settled.notify_all()
