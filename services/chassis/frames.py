"""AMQP 0-9-1 frames of what a service writes for every call: a message, an acknowledgement.

py-amqp takes longer to encode these frames than the rest of sending a call takes. py-amqp still does everything else,
including all reading. The layout follows the AMQP 0-9-1 specification, sections 2.3.5 (frames), 4.2.5 (values), 1.8.3 (basic).
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct
from typing import Any

_METHOD, _HEADER, _BODY, _END = 1, 2, 3, b"\xce"
_FRAME = Struct(">BHI")
_PUBLISH, _ACK = b"\x00\x3c\x00\x28\x00\x00", Struct(">BHIHHQBB")
_CONTENT = Struct(">HHQH")  # class, weight, size of the body, flags of the properties
_BASIC = 60
_LONG_TEXT, _LONG, _LONG_LONG = Struct(">cI"), Struct(">ci"), Struct(">cq")
_FRAME_OVERHEAD = 8
# Properties in the order of the wire.
_TEXTS_BEFORE_HEADERS = (("content_type", 0x8000), ("content_encoding", 0x4000))
_HEADERS, _DELIVERY_MODE = 0x2000, 0x1000
_TEXTS_AFTER_HEADERS = (
    ("correlation_id", 0x0400),
    ("reply_to", 0x0200),
    ("expiration", 0x0100),
    ("message_id", 0x0080),
)


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


def _frame(kind: int, channel_id: int, payload: bytes) -> bytes:
    return _FRAME.pack(kind, channel_id, len(payload)) + payload + _END


def _short(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return bytes((len(data),)) + data


def _table(headers: Mapping[str, Any]) -> bytes:
    entries = b"".join([_short(name) + _value(value) for name, value in headers.items()])
    return len(entries).to_bytes(4, "big") + entries


def _value(value: str | int) -> bytes:
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
        return _LONG_TEXT.pack(b"S", len(data)) + data
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"a header is text or a whole number, not {type(value).__name__}")
    if -0x80000000 <= value <= 0x7FFFFFFF:
        return _LONG.pack(b"I", value)
    return _LONG_LONG.pack(b"l", value)
