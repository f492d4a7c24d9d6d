"""Structured logs: one JSON object a line, with the correlation id, without personal data.

Only the keys in ALLOWED are written. Any other value is replaced by its type, so that a mistake leaks nothing.
"""

from __future__ import annotations

import contextvars
import datetime
import logging
import sys
from collections.abc import MutableMapping
from pathlib import Path
from types import FrameType
from typing import Any

import orjson
import structlog

_OUR_CODE = str(Path(__file__).resolve().parents[2])
_LONGEST_STACK = 12

correlation_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("correlation_id", default=None)
traceparent: contextvars.ContextVar[str | None] = contextvars.ContextVar("traceparent", default=None)

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "logger", "service", "where", "error",
        "correlation_id", "trace", "operation", "outcome", "code", "status", "ms", "cpu_ms", "user_ms", "method", "route",
        "organisation", "queue", "exchange", "reason", "tries", "event_type", "event_id", "delivery_id",
        "count", "size", "depth", "age_s", "name", "pid", "port", "signal",
    }
)  # fmt: skip


class _Line:
    """Turns an entry into a line of JSON, in one step because a process writes a line for every request."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _: Any, level: str, given: MutableMapping[str, Any]) -> bytes:
        entry: dict[str, Any] = {"service": self._service, "level": _LEVELS.get(level, level)}
        entry["timestamp"] = datetime.datetime.now(datetime.UTC).isoformat()[:-6] + "Z"
        if correlation_id.get():
            entry["correlation_id"] = correlation_id.get()
        if traceparent.get():
            entry["trace"] = traceparent.get()
        for key, value in given.items():
            entry[key] = value if key in ALLOWED else _type_of(value)
        return orjson.dumps(entry, default=_type_of)


_LEVELS = {"warn": "warning", "exception": "error"}  # methods of a logger that are not named like their level


def _type_of(value: Any) -> str:
    return f"<{type(value).__name__}>"


def configure(service: str, level: str = "INFO") -> None:
    """Send structlog and the standard library's logging to standard output as JSON lines."""
    structlog.configure(
        processors=[_Line(service)],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.BytesLoggerFactory(sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_LibraryFormatter(service))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)


class _LibraryFormatter(logging.Formatter):
    """Keeps only the origin of a library's message: libraries put payloads into their messages (kombu logs bodies)."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        entry = {
            "service": self._service,
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": "library_message",
            "where": f"{record.pathname.rsplit('/', 1)[-1]}:{record.lineno}",
            "error": error,
        }
        return orjson.dumps(entry).decode()


def where(error: BaseException) -> str:
    """`module.py:line` of the innermost frame of our code, which locates a fault and shows no data."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        if _is_ours(trace.tb_frame):
            frames.append(_place(trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return frames[-1] if frames else "outside"


def stack(frame: FrameType) -> str:
    """`module.py:line function > …` of our code, outermost first. It shows no values, so no personal data. May be empty."""
    frames: list[str] = []
    each: FrameType | None = frame
    while each is not None and len(frames) < _LONGEST_STACK:
        if _is_ours(each):
            frames.append(f"{_place(each, each.f_lineno)} {each.f_code.co_name}")
        each = each.f_back
    return " > ".join(reversed(frames))


def _is_ours(frame: FrameType) -> bool:
    filename = frame.f_code.co_filename
    return filename.startswith(_OUR_CODE) and "site-packages" not in filename


def _place(frame: FrameType, line: int) -> str:
    return f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{line}"


log = structlog.get_logger()
