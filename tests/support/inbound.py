"""Messages of the broker, and what publishes copies of them, for tests of what comes in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.chassis import wire
from services.chassis.publisher import Outgoing

QUEUE = "toy.on_thing_added"
NOT_CONFIRMED = ("unroutable", "refused", "unknown")


class Message:
    """A message of the broker, which remembers what was told to the broker about it."""

    def __init__(
        self, body: bytes = b"{}", headers: dict[str, Any] | None = None, raw: bytes = b"raw"
    ) -> None:
        self.body = body
        self.headers = headers or {}
        self.properties: dict[str, Any] = {"content_type": wire.CLOUDEVENTS_JSON, "message_id": "m1"}
        self.raw_properties = raw
        self.unreadable: str | None = None
        self.delivery_info = {"routing_key": "thing_added.v1.harbor"}
        self.delivery_tag = 7
        self.channel = self
        self.fate: str | None = None

    def basic_ack(self, tag: int) -> None:
        assert (tag, self.fate) == (7, None)
        self.fate = "acknowledged"

    def basic_reject(self, tag: int, *, requeue: bool) -> None:
        assert (tag, self.fate, requeue) == (7, None, True)
        self.fate = "given back"


class Publisher:
    """Publishes with the outcomes that the test sets; the last one lasts."""

    def __init__(self) -> None:
        self.outcomes = ["confirmed"]
        self.sent: list[Outgoing] = []

    def send_all(self, messages: Sequence[Outgoing]) -> None:
        for message in messages:
            message.outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
            self.sent.append(message)
