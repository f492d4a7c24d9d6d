"""Structured logs: one JSON object a line, with the correlation id, without personal data.

Only the keys in ALLOWED are written. Any other value is replaced by its type, so that a mistake leaks nothing.
"""

from __future__ import annotations

import contextvars
import datetime
import io
import logging
import os
import stat
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
        return _encoded(entry)


def _encoded(entry: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(entry, default=_type_of)
    except TypeError:  # a value that JSON cannot hold, such as text that is no Unicode
        return orjson.dumps({key: _type_of(value) for key, value in entry.items() if key in ALLOWED})


_LEVELS = {"warn": "warning", "exception": "error"}  # methods of a logger that are not named like their level


def _type_of(value: Any) -> str:
    return f"<{type(value).__name__}>"


class Output:
    """Writes lines to a file descriptor. A line that cannot be written is lost: that must not change what the process does.

    Each line is one write, which needs no lock. It is `FileIO`'s write, because eventlet's `os.write` waits on a broken pipe.
    """

    def __init__(self, descriptor: int, service: str) -> None:
        self._file = _never_waiting(descriptor)
        self._told = _Line(service)
        self._lost = 0
        self._is_torn = False

    def write(self, line: bytes) -> None:
        """Write one line, or count it as lost."""
        if not self.is_writable() or not self._put(line):
            self._lost += 1

    def is_writable(self) -> bool:
        """Whether lines can be written. After a loss it tries to write how many were lost."""
        if self._lost:
            told = self._told(None, "error", {"event": "log_lines_lost", "count": self._lost})
            if self._put((b"\n" if self._is_torn else b"") + told):
                self._lost, self._is_torn = 0, False
        return not self._lost

    def _put(self, line: bytes) -> bool:
        data = line + b"\n"
        try:
            written = self._file.write(data)
        except OSError:
            return False
        if written is None:  # a pipe that nobody reads is full
            return False
        self._is_torn = written < len(data)
        return not self._is_torn


def _never_waiting(descriptor: int) -> io.FileIO:
    """The file of a descriptor. A pipe is opened again, so that our writes alone do not wait for a reader that stands still."""
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        try:
            return io.FileIO(os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK), "w")
        except OSError:  # no such file system, or nobody reads any more
            pass
    return io.FileIO(descriptor, "w", closefd=False)


_outputs: list[Output] = []


def is_writable() -> bool:
    """Whether this process can write its log."""
    return all(output.is_writable() for output in _outputs)


class _Logger:
    """What structlog hands lines to."""

    def __init__(self, output: Output) -> None:
        for level in ("debug", "info", "warning", "error", "critical", "msg"):
            setattr(self, level, output.write)


class _LibraryHandler(logging.Handler):
    """Keeps only the origin of a library's message: libraries put payloads into their messages (kombu logs bodies)."""

    def __init__(self, service: str, output: Output) -> None:
        super().__init__()
        self._service = service
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        entry = {
            "service": self._service,
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": "library_message",
            "where": f"{record.pathname.rsplit('/', 1)[-1]}:{record.lineno}",
            "error": error,
        }
        self._output.write(_encoded(entry))


def configure(service: str, level: str = "INFO") -> None:
    """Send structlog and the standard library's logging to standard output as JSON lines."""
    output = Output(sys.stdout.fileno(), service)
    _outputs[:] = [output]
    structlog.configure(
        processors=[_Line(service)],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=lambda *_arguments: _Logger(output),
        cache_logger_on_first_use=True,
    )
    logging.root.handlers[:] = [_LibraryHandler(service, output)]
    logging.root.setLevel(logging.WARNING)


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
