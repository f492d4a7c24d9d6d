"""The chassis writes the same frames as py-amqp, reads the same from them, and reads what py-amqp cannot."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import amqp
import pytest
from amqp import spec
from amqp.method_framing import frame_writer
from amqp.serialization import dumps

from services.chassis import frames, wire
from tests.support.raw_amqp import header, long, nested, properties, received, short, text

CALL = {
    "content_type": wire.JSON,
    "content_encoding": "utf-8",
    "reply_to": "amq.rabbitmq.reply-to",
    "correlation_id": "c" * 32,
    "expiration": "5000",
}
CONTEXT = wire.CallContext(
    "r" * 32, passport="p" * 900, deadline=1_900_000_000.25, expected_version=7, client_address="192.0.2.7"
)


def by_py_amqp(method: tuple[int, int], arguments: bytes, message: Any, frame_max: int) -> bytes:
    """What py-amqp sends on channel 3."""
    sent: list[bytes] = []
    connection = SimpleNamespace(frame_max=frame_max, bytes_sent=0)
    transport = SimpleNamespace(write=lambda data: sent.append(bytes(data)))
    frame_writer(connection, transport)(1, 3, method, arguments, message)
    return b"".join(sent)


@pytest.mark.parametrize(
    ("body", "properties"),
    [
        (b'{"args": [], "kwargs": {}}', CALL),
        (b"{}", {**CALL, "headers": CONTEXT.headers()}),
        (b"", {"content_type": "text/plain"}),
        (b"x", {"headers": {"ä": "ö", "negative": -1, "most": 2**31 - 1}, "delivery_mode": 2}),
        (b"event", {"message_id": "m" * 32, "delivery_mode": 2, "headers": {"tries": 3}}),
        (b"x" * 300_000, CALL),
        (b"x" * (131072 - 8), {}),
    ],
    ids=["call", "headers", "empty", "names and numbers", "event", "several frames", "exactly one frame"],
)
@pytest.mark.parametrize("mandatory", [True, False])
def test_a_message_is_what_py_amqp_would_send(body: bytes, properties: dict[str, Any], mandatory: bool):
    expected = by_py_amqp(
        spec.Basic.Publish,
        dumps("Bssbb", (0, "nameko-rpc", "toy.greet", mandatory, False)),
        amqp.Message(
            body, **{("application_headers" if k == "headers" else k): v for k, v in properties.items()}
        ),
        131072,
    )

    assert (
        frames.publication(3, 131072, "nameko-rpc", "toy.greet", body, mandatory=mandatory, **properties)
        == expected
    )


@pytest.mark.parametrize("tag", [1, 2**40])
def test_an_acknowledgement_is_what_py_amqp_would_send(tag: int):
    expected = by_py_amqp(spec.Basic.Ack, dumps("Lb", (tag, False)), None, 131072)

    assert frames.acknowledgement(3, tag) == expected


def test_a_large_number_is_read_back_by_py_amqp():
    sent = frames.publication(3, 131072, "", "q", b"", headers={"large": 2**40})
    header = sent[sent.index(b"\xce") + 1 :]
    message = amqp.Message()
    message.inbound_header(header[7:-1])

    assert message.headers == {"large": 2**40}


@pytest.mark.parametrize(
    "long", [{"exchange": "x" * 256}, {"routing_key": "x" * 256}, {"message_id": "x" * 256}]
)
def test_a_name_that_is_too_long_is_an_error(long: dict[str, str]):
    with pytest.raises(ValueError, match="range"):
        frames.publication(3, 131072, **{"exchange": "", "routing_key": "q", **long}, body=b"")


@pytest.mark.parametrize("value", [1.5, None, True, ["x"], b"x"])
def test_a_header_of_another_type_is_an_error(value: Any):
    with pytest.raises(TypeError):
        frames.publication(3, 131072, "", "q", b"", headers={"name": value})


# Reading


def read(*payloads: tuple[int, bytes]) -> tuple[tuple[int, int], bytes, Any]:
    """Method, arguments and message that the reader hands over for these frames of channel 3."""
    handed: list[Any] = []
    connection = SimpleNamespace(bytes_recv=0)
    take = frames.reader(connection, lambda _channel, *rest: handed.append(rest))
    assert [take((kind, 3, payload)) for kind, payload in payloads] == [False] * (len(payloads) - 1) + [True]
    assert connection.bytes_recv == len(payloads)
    ((method, arguments, message),) = handed
    return method, arguments, message


def delivery(exchange: bytes = b"nameko-rpc", routing_key: bytes = b"toy.greet") -> tuple[int, bytes]:
    """The frame that announces a message to the consumer `1`."""
    return 1, b"\x00\x3c\x00\x3c" + short(b"1") + (300).to_bytes(8, "big") + b"\x01" + short(
        exchange
    ) + short(routing_key)


def test_a_message_is_read_as_py_amqp_reads_it():
    sent = amqp.Message(
        b"first second",
        **CALL,
        application_headers={
            "text": "ö", "number": -7, "large": 2**40, "half": 0.5, "yes": True, "nothing": None,
            "list": ["a", {"b": [1]}],
        },
        delivery_mode=2, priority=3, message_id="m", timestamp=1_900_000_000, type="t", app_id="a", cluster_id="c",
    )  # fmt: skip
    raw = sent._serialize_properties()

    method, arguments, message = read(
        delivery(), (2, b"\x00\x3c\x00\x00" + (12).to_bytes(8, "big") + raw), (3, b"first "), (3, b"second")
    )

    assert (method, arguments) == (spec.Basic.Deliver, delivery()[1])
    assert message.properties == sent.properties
    assert (message.body, message.raw_properties, message.unreadable) == (b"first second", raw, None)


def test_a_method_without_a_message_is_passed_on_and_a_heartbeat_is_not():
    assert read((8, b""), (1, b"\x00\x14\x00\x0b")) == ((20, 11), b"\x00\x14\x00\x0b", None)


@pytest.mark.parametrize("frame", [(2, b""), (3, b""), (4, b"")])
def test_a_frame_that_does_not_belong_there_is_an_error(frame: tuple[int, bytes]):
    with pytest.raises(amqp.UnexpectedFrame):
        read(frame)


@pytest.mark.parametrize(
    ("method", "before", "after"),
    [
        (b"\x00\x3c\x00\x3c", short(b"tag") + b"\xff" * 9, b""),
        (b"\x00\x3c\x00\x47", b"\xff" * 9, b"\xff" * 4),
        (b"\x00\x3c\x00\x32", b"\x01\x38" + short(b"NO_ROUTE"), b""),
    ],
    ids=["delivery", "answer to get", "return"],
)
def test_the_names_of_a_message_can_be_read(method: bytes, before: bytes, after: bytes):
    broken = method + before + short(b"ex") + short(b"key.\xff\xc3") + after

    _, arguments, _ = read((1, broken), (2, b"\x00\x3c\x00\x00" + bytes(8) + b"\x00\x00"))

    assert arguments == method + before + short(b"ex") + short(b"key.??") + after


def test_bytes_that_are_no_text_are_kept_and_written_as_they_came():
    message = received(properties(correlation_id=b"\xff\xed\xa0\x80", headers=header(b"\xfe", text(b"\xff"))))

    sent = frames.publication(3, 131072, "", "q", b"", correlation_id=message.properties["correlation_id"])

    assert short(b"\xff\xed\xa0\x80") in sent
    assert message.headers == {"\udcfe": "\udcff"}
    assert message.unreadable is None


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        (header(b"k", nested(frames.MOST_HEADER_LEVELS)), None),
        (header(b"k", nested(frames.MOST_HEADER_LEVELS + 1)), "header_depth"),
        (header(b"k", nested(frames.MOST_HEADER_LEVELS, b"F")), None),
        (header(b"k", nested(frames.MOST_HEADER_LEVELS + 1, b"F")), "header_depth"),
        (header(b"k", b"V") * frames.MOST_HEADER_VALUES, None),
        (header(b"k", b"V") * (frames.MOST_HEADER_VALUES + 1), "header_count"),
        (header(b"k", b"Z"), "header_type"),
        (header(b"k", b"d\x00"), "header_length"),
        (short(b"k"), "header_length"),
    ],
)
def test_headers_are_read_within_limits_and_what_follows_them_always(headers: bytes, reason: str | None):
    message = received(properties(headers=headers, correlation_id=b"c", reply_to=b"r", timestamp=2**62))

    assert message.unreadable == reason
    assert bool(message.headers) is (reason is None)
    assert (message.properties["correlation_id"], message.properties["reply_to"]) == ("c", "r")
    assert message.properties["timestamp"] == 2**62


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"b\xff", -1), (b"B\xff", 255), (b"s\xff\xff", -1), (b"u\xff\xff", 65535),
        (b"I" + b"\xff" * 4, -1), (b"i" + b"\xff" * 4, 2**32 - 1), (b"l" + b"\xff" * 8, -1), (b"L" + b"\xff" * 8, -1),
        (b"T" + b"\xff" * 8, 2**64 - 1), (b"D\x02\x00\x00\x00\x7d", 1.25), (b"t\x01", True), (b"t\x00", False), (b"V", None),
        (b"x" + long(b"\xff"), b"\xff"), (b"f\x3f\x80\x00\x00", 1.0),
    ],
)  # fmt: skip
def test_each_type_of_a_header_is_read(value: bytes, expected: Any):
    assert received(properties(headers=header(b"k", value))).headers == {"k": expected}
