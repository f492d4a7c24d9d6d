"""What every answer has (headers, a correlation id), and what is noted of it (metrics, a line of the log)."""

from __future__ import annotations

import contextvars
import functools
import re
from typing import Any

from services.chassis import logs, metrics, tracing, wire

_CORRELATION = re.compile(r"[A-Za-z0-9_.:-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)
_span: contextvars.ContextVar[tracing.Span | None] = contextvars.ContextVar("span", default=None)


def begin(correlation_id: str | None, traceparent: str | None) -> None:
    """Set the ids of a request's logs and calls. What the client gave is used only if it is well formed."""
    given = correlation_id or ""
    logs.correlation_id.set(given if _CORRELATION.fullmatch(given) else wire.new_id())
    span = tracing.begin("server", "request", traceparent if wire.is_traceparent(traceparent) else None)
    _span.set(span)
    logs.traceparent.set(span.traceparent if span else wire.child_traceparent(traceparent))


def add_headers(headers: list[tuple[str, str]]) -> None:
    """Add the headers that the answer has not set itself."""
    given = {name for name, _ in headers}  # our code always spells them in the same way
    headers += [each for each in _HEADERS if each[0] not in given]
    headers.append(("X-Correlation-Id", logs.correlation_id.get() or ""))


def note(method: str, route: str, status: int, took_s: float) -> None:
    """Count and log an answer. `route` is one of ours, or "unknown"."""
    known = method if method in _METHODS else "other"
    _series(known, route, status).observe(took_s)
    logs.log.info("request", method=known, route=route, status=status, ms=round(took_s * 1000, 1))
    trace(known, route, status)


def trace(method: str, route: str, status: int) -> None:
    """End the span that `begin` began."""
    span = _span.get()
    if span is not None:
        span.end(str(status), is_fault=status >= 500, name=f"{method} {route}")


@functools.cache  # each argument has few values
def _series(method: str, route: str, status: int) -> Any:
    return metrics.HTTP_REQUESTS.labels(method, route, str(status))
