"""Spans of HTTP requests, calls and events, for an OpenTelemetry collector. Nothing is recorded unless a setting names one.

A trace begins with a request and goes on in each call and event that follows from it, by W3C's `traceparent`. A span is named by a
route, an operation, an event's type or a queue, and says how it ended. It holds nothing that a person has entered, no id and no
address. The library is loaded only where traces are recorded: otherwise a span costs one comparison.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Literal, Protocol

Kind = Literal["server", "client", "producer", "consumer"]


class Span(Protocol):
    """A piece of work that is being recorded. `traceparent` is the parent of what follows from it."""

    traceparent: str

    def end(self, outcome: str, *, is_fault: bool = False, name: str | None = None) -> None:
        """Record the span, with its outcome (a word or an HTTP status) and, where it is known only now, its name."""


class Recorder(Protocol):
    """Records spans and sends them, in the background, to a collector."""

    def begin(self, kind: Kind, name: str, parent: str | None, started_at: float | None) -> Span:
        """A span that begins now, or that began at a Unix time."""

    def stop(self) -> None:
        """Send what is left, for a few seconds at most."""


_recorder: Recorder | None = None


def start(service: str, settings: Any) -> None:
    """Record spans from now on, if the settings name a collector."""
    if settings.otel_exporter_otlp_endpoint:
        make: Callable[..., Recorder] = importlib.import_module("services.chassis.otlp").OtlpRecorder
        record_with(make(service, settings.otel_exporter_otlp_endpoint, settings.traces_ratio))


def record_with(recorder: Recorder | None) -> None:
    """Let this one record the spans of the process; None records nothing."""
    global _recorder  # noqa: PLW0603 - one for the process, as for its log
    _recorder = recorder


def stop() -> None:
    """Send what was recorded, and record nothing more."""
    stopped = _recorder
    record_with(None)
    if stopped is not None:
        stopped.stop()


def is_on() -> bool:
    """Whether spans are recorded."""
    return _recorder is not None


def begin(kind: Kind, name: str, parent: str | None, started_at: float | None = None) -> Span | None:
    """A span of the trace to which `parent`, a traceparent, belongs, or of a new one; None where nothing is recorded."""
    return None if _recorder is None else _recorder.begin(kind, name, parent, started_at)
