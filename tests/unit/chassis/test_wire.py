"""The wire format: what is read, what is refused with a fixed word, and what a refusal leaves out."""

from __future__ import annotations

import bz2
import zlib
from typing import Any

import pytest

from services.chassis import wire

JSON = {"content_type": wire.JSON}


def nested(depth: int) -> bytes:
    """Lists within lists."""
    return b"[" * depth + b"1" + b"]" * depth


@pytest.mark.parametrize("content_type", [wire.JSON, wire.CLOUDEVENTS_JSON])
def test_json_is_read(content_type: str):
    assert wire.decode(b'{"a": [1, "x", null]}', {"content_type": content_type}) == {"a": [1, "x", None]}


def test_a_text_body_is_read_as_utf8():
    assert wire.decode('"Zoë"', JSON) == "Zoë"


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-python-serialize", "application/json; charset=utf-8"],
)
def test_only_json_is_read(content_type: str | None):
    with pytest.raises(wire.Undecodable, match="content_type"):
        wire.decode(b"{}", {"content_type": content_type})


def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not():
    body = b'"' + b"x" * (wire.MAX_BODY_BYTES - 2) + b'"'

    assert len(wire.decode(body, JSON)) == wire.MAX_BODY_BYTES - 2
    with pytest.raises(wire.Undecodable, match="oversize"):
        wire.decode(body + b" ", JSON)


def test_an_answer_at_its_own_limit_is_read_and_one_byte_more_is_not():
    body = b'"' + b"x" * (wire.MAX_ANSWER_BYTES - 2) + b'"'

    assert len(wire.decode(body, JSON, wire.MAX_ANSWER_BYTES)) == wire.MAX_ANSWER_BYTES - 2
    with pytest.raises(wire.Undecodable, match="oversize"):
        wire.decode(body + b" ", JSON, wire.MAX_ANSWER_BYTES)


@pytest.mark.parametrize("compress", [zlib.compress, bz2.compress])
def test_nothing_is_decompressed(compress: Any):
    body = compress(b'"' + b"x" * 5_000_000 + b'"')

    for properties in (
        {**JSON, "application_headers": {"compression": "application/x-bz2"}},
        {**JSON, "content_encoding": "gzip"},
    ):
        with pytest.raises(wire.Undecodable, match="compressed"):
            wire.decode(body, properties)


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "utf8", "binary", ""])
def test_a_body_that_is_not_compressed_is_read_however_its_sender_names_that(encoding: str):
    assert wire.decode(b"[1]", {**JSON, "content_encoding": encoding}) == [1]


def test_nesting_ends_at_the_limit():
    assert wire.decode(nested(wire.MAX_DEPTH), JSON)
    with pytest.raises(wire.Undecodable, match="too_deep"):
        wire.decode(nested(wire.MAX_DEPTH + 1), JSON)


@pytest.mark.parametrize("value", [5, "text", None, True, [], {}])
def test_a_value_that_holds_nothing_is_not_nested(value: Any):
    assert wire.decode(wire.encode(value), JSON) == value
    assert not wire.deeper_than(value, 0)
    assert not wire.deeper_than([value], 1)
    assert wire.deeper_than([value], 0)


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_absurd_nesting_is_refused_and_does_not_break_the_reader(depth: int):
    with pytest.raises(wire.Undecodable, match=r"too_deep|not_json"):
        wire.decode(nested(depth), JSON)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"NaN", b"Rosalind Quimby", b"'x'"])
def test_what_is_not_json_is_refused_by_a_fixed_word(body: bytes):
    with pytest.raises(wire.Undecodable) as error:
        wire.decode(body, JSON)

    assert error.value.args == ("not_json",)
    assert error.value.__cause__ is None


def test_a_context_survives_its_headers():
    context = wire.CallContext(
        "key-1", "corr-12345", "passport", 12.5, 3, "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    )

    assert wire.CallContext.of(context.headers()) == context


def test_a_context_without_headers_gets_ids_of_its_own():
    first, second = wire.CallContext.of({}), wire.CallContext.of({})

    assert first.request_id != second.request_id
    assert first.correlation_id == first.request_id
    assert (first.passport, first.deadline, first.expected_version, first.traceparent) == (None,) * 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (wire.PASSPORT, 7),
        (wire.PASSPORT, {"a": 1}),
        (wire.CALL_ID_STACK, "text"),
        (wire.CALL_ID_STACK, {"a": 1}),
        (wire.EXPECTED_VERSION, "3"),
        (wire.REQUEST_ID, 7),
        (wire.REQUEST_ID, "x" * 129),
        (wire.REQUEST_ID, "two words"),
        (wire.CORRELATION_ID, 7),
        (wire.TRACEPARENT, ["x"]),
        (wire.CLIENT_ADDRESS, "nowhere"),
        (wire.CLIENT_ADDRESS, 2130706433),  # what ipaddress would take for 127.0.0.1
        (wire.DEADLINE, "soon"),
        (wire.DEADLINE, [1]),
    ],
)
def test_a_header_of_a_wrong_type_is_refused(name: str, value: Any):
    with pytest.raises(wire.Undecodable, match="header_type"):
        wire.CallContext.of({name: value})


@pytest.mark.parametrize("deadline", ["nan", "inf", "-inf"])
def test_a_deadline_that_is_no_time_is_refused(deadline: str):
    with pytest.raises(wire.Undecodable, match="header_type"):
        wire.CallContext.of({wire.DEADLINE: deadline})


def test_a_version_that_is_a_flag_is_refused():
    with pytest.raises(wire.Undecodable, match="header_type"):
        wire.CallContext.of({wire.EXPECTED_VERSION: True})


def test_what_only_ties_logs_together_is_replaced_when_it_could_be_anything():
    context = wire.CallContext.of({wire.CORRELATION_ID: "Rosalind Quimby", wire.TRACEPARENT: "nonsense"})

    assert "Rosalind" not in context.correlation_id
    assert context.traceparent is None


def test_a_child_stays_in_its_trace():
    parent = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"

    child = wire.child_traceparent(parent)

    assert child[:36] == parent[:36]
    assert child != parent
    assert wire.is_traceparent(child)
    for without in ("nonsense", None):
        assert wire.is_traceparent(wire.child_traceparent(without))
        assert wire.child_traceparent(without)[3:35] != "1" * 32


@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8::1", None])
def test_the_address_of_who_called_is_kept(address: str | None):
    headers = {} if address is None else {wire.CLIENT_ADDRESS: address}
    assert wire.CallContext.of(headers).client_address == address


def test_a_call_has_time_until_its_deadline(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wire.time, "time", lambda: 100.0)
    assert wire.CallContext("key", deadline=103.5).remaining_s() == 3.5
    assert wire.CallContext("key").remaining_s() is None


@pytest.mark.fault("A1")
@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ({"name": "a\0b"}, True),
        ({"list": [{"a\0": 1}]}, True),
        (["\0"], True),
        ({"name": "\\u0000"}, False),
        ({"list": ["\\u0000", 1]}, False),
        ({"name": "Zoë", "more": [1, None, "x"]}, False),
    ],
)
def test_a_nul_within_a_message_is_found(value: Any, holds: bool):
    body = wire.encode(value)
    assert wire.holds_nul(body, value) is wire.holds_nul(body.decode(), value) is holds


def test_a_reference_and_the_kind_of_a_client_come_back_from_the_headers() -> None:
    sent = wire.CallContext("r", correlation_id="c", reference="order-17", client_kind="team")
    assert wire.CallContext.of(sent.headers()) == sent


@pytest.mark.parametrize("value", ["two words 1", "maria", "", 7, "x@y.example1"])
def test_a_reference_that_could_name_somebody_is_left_out(value: object) -> None:
    read = wire.CallContext.of({wire.REFERENCE: value, wire.CLIENT_KIND: value})
    assert (read.reference, read.client_kind) == (None, None)
