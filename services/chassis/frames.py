"""AMQP 0-9-1 frames of what a service writes for every call (a message, an acknowledgement), and the reading of messages.

py-amqp takes longer to encode these frames than the rest of sending a call takes. It also raises while it reads a message with
a property that is not UTF-8, a time past the year 9999 or deep headers, all of which RabbitMQ lets through. The connection is
then lost and the message comes again, for ever. `reader` reads every message. py-amqp does everything else.
The layout follows the AMQP 0-9-1 specification, sections 2.3.5 (frames), 4.2.5 (values), 1.8.3 (basic).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any

from amqp import Message, spec
from amqp.exceptions import UnexpectedFrame

_METHOD, _HEADER, _BODY, _HEARTBEAT, _END = 1, 2, 3, 8, b"\xce"
_FRAME = Struct(">BHI")
_PUBLISH, _ACK = b"\x00\x3c\x00\x28\x00\x00", Struct(">BHIHHQBB")
_CONTENT = Struct(">HHQH")  # class, weight, size of the body, flags of the properties
_BASIC = 60
_LONG_TEXT, _LONG, _LONG_LONG = Struct(">cI"), Struct(">ci"), Struct(">cq")
_FRAME_OVERHEAD = 8
# Headers beyond these limits are not read. Ours have ten values, and RabbitMQ's history of a message has three levels.
MOST_HEADER_VALUES, MOST_HEADER_LEVELS = 1000, 8
# Properties in the order of the wire.
_TEXTS_BEFORE_HEADERS = (("content_type", 0x8000), ("content_encoding", 0x4000))
_HEADERS, _DELIVERY_MODE = 0x2000, 0x1000
_TEXTS_AFTER_HEADERS = (
    ("correlation_id", 0x0400),
    ("reply_to", 0x0200),
    ("expiration", 0x0100),
    ("message_id", 0x0080),
)
_PROPERTIES = (
    ("content_type", 0x8000, "text"),
    ("content_encoding", 0x4000, "text"),
    ("application_headers", _HEADERS, "table"),
    ("delivery_mode", _DELIVERY_MODE, "octet"),
    ("priority", 0x0800, "octet"),
    ("correlation_id", 0x0400, "text"),
    ("reply_to", 0x0200, "text"),
    ("expiration", 0x0100, "text"),
    ("message_id", 0x0080, "text"),
    ("timestamp", 0x0040, "time"),
    ("type", 0x0020, "text"),
    ("user_id", 0x0010, "text"),
    ("app_id", 0x0008, "text"),
    ("cluster_id", 0x0004, "text"),
)
# Numbers in a table, by the letter of their type (RabbitMQ's letters). A time stays a number of seconds.
_NUMBERS = {
    ord(letter): Struct(f">{code}") for letter, code in zip("bBsuIilLfdT", "bBhHiIqqfdQ", strict=True)
}
# Where exchange and routing key begin in the methods that bring a message.
_NAMES_BEGIN: dict[tuple[int, int], Callable[[bytes], int]] = {
    spec.Basic.Deliver: lambda payload: (
        14 + payload[4]
    ),  # after the consumer's tag, the delivery's tag and a flag
    spec.Basic.GetOk: lambda _payload: 13,  # after the delivery's tag and a flag
    spec.Basic.Return: lambda payload: 7 + payload[6],  # after the reason as a number and as text
}


def publication(
    channel_id: int,
    frame_max: int,
    exchange: str,
    routing_key: str,
    body: bytes,
    *,
    mandatory: bool = False,
    headers: Mapping[str, str | int] | None = None,
    delivery_mode: int | None = None,
    **texts: str,
) -> bytes:
    """A message. `texts` are properties: content_type, content_encoding, correlation_id, reply_to, expiration, message_id.

    Raises ValueError for a property or a name longer than 255 bytes, TypeError for a header of another type.
    """
    method = _PUBLISH + _short(exchange) + _short(routing_key) + (b"\x01" if mandatory else b"\x00")
    flags, properties = 0, b""
    for name, flag in _TEXTS_BEFORE_HEADERS:
        if name in texts:
            flags |= flag
            properties += _short(texts[name])
    if headers:
        flags |= _HEADERS
        properties += _table(headers)
    if delivery_mode is not None:
        flags |= _DELIVERY_MODE
        properties += bytes((delivery_mode,))
    for name, flag in _TEXTS_AFTER_HEADERS:
        if name in texts:
            flags |= flag
            properties += _short(texts[name])
    content = _CONTENT.pack(_BASIC, 0, len(body), flags) + properties
    most = frame_max - _FRAME_OVERHEAD
    pieces = [body] if len(body) <= most else [body[at : at + most] for at in range(0, len(body), most)]
    return b"".join(
        (
            _frame(_METHOD, channel_id, method),
            _frame(_HEADER, channel_id, content),
            *(_frame(_BODY, channel_id, piece) for piece in pieces if piece),
        )
    )


def acknowledgement(channel_id: int, delivery_tag: int) -> bytes:
    """The frame that acknowledges one delivery."""
    return _ACK.pack(_METHOD, channel_id, 13, _BASIC, 80, delivery_tag, 0, 0xCE)


class Received(Message):  # type: ignore[misc]  # py-amqp has no types
    """A message as it came. `unreadable` says why its headers were not read, None if they were.

    Bytes of a text that are not UTF-8 are kept as `surrogateescape` keeps them, so that they can be sent back unchanged.
    """

    raw_properties: bytes = b""
    unreadable: str | None = None

    def _load_properties(self, _class_id: int, data: bytes, at: int) -> int:
        self.body = b""
        self.raw_properties = data[at:]
        self.properties, self.unreadable = properties(self.raw_properties)
        return len(data)


def reader(connection: Any, callback: Callable[..., None]) -> Callable[[tuple[int, int, bytes]], bool]:
    """py-amqp's `frame_handler`, except that nothing in a message can make it raise."""
    coming: dict[int, Received] = {}  # by channel

    def take(frame: tuple[int, int, bytes]) -> bool:
        kind, channel, payload = frame
        connection.bytes_recv += 1
        if kind == _HEARTBEAT:
            return False
        message = coming.get(channel)
        if kind == _METHOD and message is None:
            method = struct.unpack_from(">HH", payload)
            if method in _NAMES_BEGIN:
                coming[channel] = Received(
                    frame_method=method, frame_args=_with_readable_names(method, payload)
                )
                return False
            callback(channel, method, payload, None)
            return True
        if kind not in (_HEADER, _BODY) or message is None:
            raise UnexpectedFrame(f"Received frame {kind} on channel {channel}")
        (message.inbound_header if kind == _HEADER else message.inbound_body)(payload)
        if not message.ready:
            return False
        del coming[channel]
        callback(channel, message.frame_method, message.frame_args, message)
        return True

    return take


def properties(data: bytes) -> tuple[dict[str, Any], str | None]:
    """The properties of a message, and why its headers could not be read. RabbitMQ has checked the lengths."""
    flags = int.from_bytes(data[:2], "big")
    found: dict[str, Any] = {}
    at, unreadable = 2, None
    for name, flag, kind in _PROPERTIES:
        if not flags & flag:
            continue
        if kind == "text":
            end = at + 1 + data[at]
            found[name] = data[at + 1 : end].decode("utf-8", "surrogateescape")
        elif kind == "octet":
            end = at + 1
            found[name] = data[at]
        elif kind == "time":
            end = at + 8
            found[name] = int.from_bytes(data[at:end], "big")
        else:
            end = at + 4 + int.from_bytes(data[at : at + 4], "big")
            try:
                found[name] = _Table(data[at + 4 : end]).read(0, end - at - 4)
            except (Unreadable, IndexError, struct.error) as error:
                found[name], unreadable = {}, str(error) if isinstance(error, Unreadable) else "header_length"
        at = end
    return found, unreadable


class Unreadable(ValueError):
    """Headers that are not read; the text is a fixed word."""


class _Table:
    """Reads one table within the limits of depth and number."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MOST_HEADER_VALUES

    def read(self, at: int, end: int, level: int = 0) -> dict[str, Any]:
        table = {}
        while at < end:
            begin = at + 1
            at = begin + self._data[at]
            name = self._data[begin:at].decode("utf-8", "surrogateescape")
            table[name], at = self._value(at, level)
        return table

    def _value(self, at: int, level: int) -> tuple[Any, int]:
        data = self._data
        kind = data[at]
        at += 1
        self._left -= 1
        if self._left < 0:
            raise Unreadable("header_count")
        if kind in _NUMBERS:
            number = _NUMBERS[kind]
            return number.unpack_from(data, at)[0], at + number.size
        if kind == ord("V"):
            return None, at
        if kind == ord("t"):
            return data[at] != 0, at + 1
        if kind == ord("D"):  # so many places, then the number
            return int.from_bytes(data[at + 1 : at + 5], "big", signed=True) / 10 ** data[at], at + 5
        begin = at + 4
        end = begin + int.from_bytes(data[at:begin], "big")
        return self._long(kind, begin, end, level), end

    def _long(self, kind: int, begin: int, end: int, level: int) -> Any:
        """A text, bytes, a list or a table."""
        if kind == ord("S"):
            return self._data[begin:end].decode("utf-8", "surrogateescape")
        if kind == ord("x"):
            return self._data[begin:end]
        if kind not in b"AF":
            raise Unreadable("header_type")
        if level == MOST_HEADER_LEVELS:
            raise Unreadable("header_depth")
        if kind == ord("F"):
            return self.read(begin, end, level + 1)
        values = []
        while begin < end:
            value, begin = self._value(begin, level + 1)
            values.append(value)
        return values


def _with_readable_names(method: tuple[int, int], payload: bytes) -> bytes:
    """The method with `?` for each byte of exchange and routing key that is not ASCII: py-amqp fails at some of them."""
    begin = _NAMES_BEGIN[method](payload)
    middle = begin + 1 + payload[begin]
    end = middle + 1 + payload[middle]
    names = payload[begin + 1 : middle], payload[middle + 1 : end]
    if all(map(bytes.isascii, names)):
        return payload
    exchange, routing_key = (
        name.decode("ascii", "replace").replace("\N{REPLACEMENT CHARACTER}", "?") for name in names
    )
    return payload[:begin] + _short(exchange) + _short(routing_key) + payload[end:]


def _frame(kind: int, channel_id: int, payload: bytes) -> bytes:
    return _FRAME.pack(kind, channel_id, len(payload)) + payload + _END


def _short(text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    return bytes((len(data),)) + data


def _table(headers: Mapping[str, Any]) -> bytes:
    entries = b"".join([_short(name) + _value(value) for name, value in headers.items()])
    return len(entries).to_bytes(4, "big") + entries


def _value(value: str | int) -> bytes:
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogateescape")
        return _LONG_TEXT.pack(b"S", len(data)) + data
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"a header is text or a whole number, not {type(value).__name__}")
    if -0x80000000 <= value <= 0x7FFFFFFF:
        return _LONG.pack(b"I", value)
    return _LONG_LONG.pack(b"l", value)
