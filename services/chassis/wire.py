"""The wire format: header names, the encoding of bodies and their limits, by the protocol of nameko 2.14."""

from __future__ import annotations

import ipaddress
import math
import os
import re
import time
from dataclasses import dataclass
from typing import Any, TypeGuard

import orjson

RPC_EXCHANGE = "nameko-rpc"
PARKING_QUEUE = "portico.parked"
# A full parking queue takes nothing more, so that what is parked stays.
MOST_PARKED, MOST_PARKED_BYTES = 10_000, 256_000_000
MAX_BODY_BYTES = 1024 * 1024
# Answers come from our own services. A page of a list has up to 200 texts, each of up to 60 kB.
MAX_ANSWER_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 64
MAX_DEPTH_OF_ARGUMENTS = 32  # less, because messages wrap them, and answers with what was stored still more
JSON = "application/json"
CLOUDEVENTS_JSON = "application/cloudevents+json"

# Stock nameko turns headers with this prefix into context data and back, so a stock proxy can send and pass on all of these.
PREFIX = "nameko."
PASSPORT = PREFIX + "passport"
DEADLINE = PREFIX + "deadline"
REQUEST_ID = PREFIX + "request_id"
CORRELATION_ID = PREFIX + "correlation_id"
EXPECTED_VERSION = PREFIX + "expected_version"
TRACEPARENT = PREFIX + "traceparent"
CLIENT_ADDRESS = PREFIX + "client_address"
REFERENCE = PREFIX + "reference"
CLIENT_KIND = PREFIX + "client_kind"
CALL_ID_STACK = PREFIX + "call_id_stack"

_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_TOKEN = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
# A digit keeps the names of people out.
_REFERENCE = re.compile(r"(?=[^0-9]*[0-9])[A-Za-z0-9_.:-]{1,100}")
CLIENT_KINDS = ("normal", "team", "test")


class Undecodable(Exception):
    """A message that cannot be understood. `reason` is a fixed word, never a part of the message."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def rpc_queue(service: str) -> str:
    """The queue of a service's calls, as nameko names it."""
    return f"rpc-{service}"


def encode(value: Any) -> bytes:
    """Plain values as JSON bytes. Dump dates and the like with a schema before."""
    return orjson.dumps(value)


def decode(body: Any, properties: dict[str, Any], most_bytes: int = MAX_BODY_BYTES) -> Any:
    """The JSON value of a message body. Raises Undecodable with a fixed reason, also for a compressed body."""
    if isinstance(body, str):
        body = body.encode()
    headers = properties.get("application_headers") or {}
    if len(body) > most_bytes:
        raise Undecodable("oversize")
    if headers.get("compression") or properties.get("content_encoding", "utf-8").lower() not in (
        "utf-8",
        "utf8",
        "binary",
        "",
    ):
        raise Undecodable("compressed")
    if properties.get("content_type") not in (JSON, CLOUDEVENTS_JSON):
        raise Undecodable("content_type")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Undecodable("not_json") from None
    if deeper_than(value, MAX_DEPTH):
        raise Undecodable("too_deep")
    return value


def deeper_than(value: Any, limit: int) -> bool:
    """Whether more than `limit` objects and lists lie within each other."""
    if not isinstance(value, dict | list) or not value:
        return False
    if limit == 0:
        return True
    members = value.values() if isinstance(value, dict) else value
    return any(deeper_than(member, limit - 1) for member in members if isinstance(member, dict | list))


def holds_nul(body: Any, value: Any) -> bool:
    """Whether a text within the value of this message has the character NUL, which PostgreSQL cannot store."""
    return b"\\u0000" in (body.encode() if isinstance(body, str) else body) and _has_nul(value)


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(each) for member in value.items() for each in member)
    return isinstance(value, list) and any(map(_has_nul, value))


@dataclass(frozen=True)
class CallContext:
    """The headers of a call.

    `client_address` is the address of the person or program that called the gateway. Only the gateway sets it, and only for
    calls that count attempts or have rules about networks. It is never passed on or logged.

    `reference` is what the caller calls this by, and `client_kind` the kind of the API client that has called. Both go along
    with everything that the call causes, so that its messages have them.
    """

    request_id: str
    correlation_id: str = ""
    passport: str | None = None
    deadline: float | None = None
    expected_version: int | None = None
    traceparent: str | None = None
    client_address: str | None = None
    reference: str | None = None
    client_kind: str | None = None

    def remaining_s(self) -> float | None:
        """Seconds until the deadline, None without one."""
        return None if self.deadline is None else self.deadline - time.time()

    def headers(self) -> dict[str, Any]:
        """The headers that are set, as AMQP headers."""
        headers = {
            PASSPORT: self.passport,
            DEADLINE: None if self.deadline is None else repr(self.deadline),
            REQUEST_ID: self.request_id,
            CORRELATION_ID: self.correlation_id,
            EXPECTED_VERSION: self.expected_version,
            TRACEPARENT: self.traceparent,
            CLIENT_ADDRESS: self.client_address,
            REFERENCE: self.reference,
            CLIENT_KIND: self.client_kind,
        }
        return {name: value for name, value in headers.items() if value is not None}

    @classmethod
    def of(cls, headers: dict[str, Any]) -> CallContext:
        """Read from AMQP headers. Raises Undecodable("header_type") where a header has the wrong type."""
        passport, stack = headers.get(PASSPORT), headers.get(CALL_ID_STACK, [])
        version, deadline = headers.get(EXPECTED_VERSION), headers.get(DEADLINE)
        request_id = headers.get(REQUEST_ID) or new_id()
        wrong = (
            not isinstance(passport, str | None)
            or not isinstance(stack, list)
            or not isinstance(version, int | None)
            or isinstance(version, bool)
            or not is_token(request_id)
            or not isinstance(headers.get(CORRELATION_ID), str | None)
            or not isinstance(headers.get(TRACEPARENT), str | None)
            or not _is_address(headers.get(CLIENT_ADDRESS))
        )
        if wrong:
            raise Undecodable("header_type")
        try:
            moment = None if deadline is None else float(deadline)
        except (TypeError, ValueError):
            raise Undecodable("header_type") from None
        if moment is not None and not math.isfinite(moment):
            raise Undecodable("header_type")  # a deadline of infinity or NaN would never pass
        correlation = headers.get(CORRELATION_ID) or request_id
        trace, reference, kind = (headers.get(name) for name in (TRACEPARENT, REFERENCE, CLIENT_KIND))
        return cls(
            request_id=request_id,
            correlation_id=correlation if is_token(correlation) else new_id(),
            passport=passport,
            deadline=moment,
            expected_version=version,
            traceparent=trace if is_traceparent(trace) else None,
            client_address=headers.get(CLIENT_ADDRESS),
            reference=reference if is_reference(reference) else None,
            client_kind=client_kind_of(kind),
        )


def is_token(value: Any) -> TypeGuard[str]:
    """Whether this is an id as callers choose them, which may stand in a log."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def is_reference(value: Any) -> TypeGuard[str]:
    """Whether this is a reference: 1 to 100 letters, digits, _ . : - with a digit among them, so that no name is one."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def client_kind_of(value: Any) -> str | None:
    """A kind of API client; None for anything else."""
    return value if isinstance(value, str) and value in CLIENT_KINDS else None


def is_traceparent(value: Any) -> bool:
    """Whether this is a W3C `traceparent`."""
    return isinstance(value, str) and _TRACEPARENT.fullmatch(value) is not None


def _is_address(value: Any) -> bool:
    """Whether this is an IP address, or nothing."""
    if value is None:
        return True
    try:
        return isinstance(value, str) and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


# A call needs several ids, and every read of random bytes releases the interpreter's lock. Reading 256 takes as long as one.
_drawn: list[str] = []
os.register_at_fork(after_in_child=_drawn.clear)


def new_id() -> str:
    """A random identifier of 32 hex digits, which cannot be guessed from another one."""
    try:
        return _drawn.pop()
    except IndexError:
        digits = os.urandom(16 * 256).hex()
        _drawn.extend(digits[at : at + 32] for at in range(32, len(digits), 32))
        return digits[:32]


def child_traceparent(parent: str | None) -> str:
    """A W3C `traceparent` for a new span of the parent's trace, or of a new trace."""
    trace = parent[3:35] if parent and _TRACEPARENT.fullmatch(parent) else new_id()
    return f"00-{trace}-{new_id()[:16]}-01"
