"""The chassis writes the same frames as py-amqp."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import amqp
import pytest
from amqp import spec
from amqp.method_framing import frame_writer
from amqp.serialization import dumps

from services.chassis import frames, wire

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
