"""Messages as raw frames, with properties that no client library would write, and mutations of them."""

from __future__ import annotations

import contextlib
import random
import struct
from collections.abc import Iterator
from typing import Any

import amqp

from services.chassis import frames, wire
from services.chassis.link import connect

CLASS_BASIC = 60


def short(data: bytes) -> bytes:
    """A short string."""
    return bytes((len(data),)) + data


def long(data: bytes) -> bytes:
    """A long string, table or list without its letter."""
    return struct.pack(">I", len(data)) + data


def header(name: bytes, value: bytes) -> bytes:
    """An entry of a table; `value` begins with the letter of its type."""
    return short(name) + value


def text(data: bytes) -> bytes:
    """A long string as a value."""
    return b"S" + long(data)


def nested(levels: int, letter: bytes = b"A") -> bytes:
    """Lists in lists (`A`) or tables in tables (`F`)."""
    value = b"V"
    for _ in range(levels):
        value = letter + long(value if letter == b"A" else header(b"k", value))
    return value


def properties(
    *,
    content_type: bytes | None = wire.JSON.encode(),
    headers: bytes | None = None,
    correlation_id: bytes | None = None,
    reply_to: bytes | None = None,
    message_id: bytes | None = None,
    timestamp: int | None = None,
) -> bytes:
    """Properties as they are on the wire, in the order of the specification."""
    flags, found = 0, b""
    parts = (
        (0x8000, None if content_type is None else short(content_type)),
        (0x2000, None if headers is None else long(headers)),
        (0x0400, None if correlation_id is None else short(correlation_id)),
        (0x0200, None if reply_to is None else short(reply_to)),
        (0x0080, None if message_id is None else short(message_id)),
        (0x0040, None if timestamp is None else struct.pack(">Q", timestamp)),
    )
    for flag, part in parts:
        if part is not None:
            flags, found = flags | flag, found + part
    return struct.pack(">H", flags) + found


def mutated(data: bytes, choice: random.Random) -> bytes:
    """With one to three bytes changed. Most lengths stay as they are, or the broker refuses nearly all."""
    changed = bytearray(data)
    for _ in range(choice.randint(1, 3)):
        at = choice.randrange(2, len(changed))
        changed[at] = choice.choice((0, 1, 0x41, 0x54, 0x7F, 0x80, 0xC3, 0xFF, choice.randrange(256)))
    return bytes(changed)


class RawPublisher:
    """Publishes raw properties, and tells whether the broker took them. It connects again where the broker hung up."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._connection: Any = None
        self._channel: Any = None
        self._confirmed: list[int] = []

    def publish(self, exchange: str, routing_key: bytes, raw: bytes, body: bytes) -> bool:
        """Whether the broker took this message; it refuses what is malformed and closes the connection."""
        try:
            if self._connection is None:
                self._connect()
            self._confirmed.clear()
            self._connection.transport.write(self._frames(exchange.encode(), routing_key, raw, body))
            while not self._confirmed:
                self._connection.drain_events(timeout=10)
        except (amqp.AMQPError, OSError):
            self.close()
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            with contextlib.suppress(OSError, amqp.AMQPError):
                self._connection.collect()
        self._connection = None

    def _connect(self) -> None:
        self._connection = connect(self._uri)
        self._channel = self._connection.channel()
        self._channel.confirm_select()
        self._channel.basic_consume("amq.rabbitmq.reply-to", no_ack=True, callback=lambda _answer: None)
        self._channel.events["basic_ack"].add(lambda tag, _multiple: self._confirmed.append(tag))

    def _frames(self, exchange: bytes, routing_key: bytes, raw: bytes, body: bytes) -> bytes:
        number = self._channel.channel_id
        method = b"\x00\x3c\x00\x28\x00\x00" + short(exchange) + short(routing_key) + b"\x00"
        content = struct.pack(">HHQ", CLASS_BASIC, 0, len(body)) + raw
        parts = ((1, method), (2, content), (3, body))
        return b"".join(
            struct.pack(">BHI", kind, number, len(part)) + part + b"\xce" for kind, part in parts if part
        )


@contextlib.contextmanager
def raw_publisher(uri: str) -> Iterator[RawPublisher]:
    """A publisher of raw frames."""
    publisher = RawPublisher(uri)
    try:
        yield publisher
    finally:
        publisher.close()


def received(raw: bytes, body: bytes = b"") -> frames.Received:
    """A message with these properties as `frames.reader` reads it."""
    message = frames.Received()
    message.inbound_header(struct.pack(">HHQ", CLASS_BASIC, 0, len(body)) + raw)
    message.delivery_info = {"delivery_tag": 1, "routing_key": ""}
    message.body = body
    return message
