"""Records spans with the OpenTelemetry SDK and sends them as OTLP over HTTP. Loaded only where traces are recorded (`tracing`).

A collector that is slow or away holds nobody up: a few thousand spans wait for it, and what comes beyond that is dropped.
"""

from __future__ import annotations

import logging
import threading

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as RecordedSpan

from services.chassis.tracing import Kind, Span

# More would be encoded in one go, which takes 20 microseconds each.
SENT_AT_ONCE = 256
MOST_WAITING = 4096
SENT_EVERY_MS = 1000
COLLECTOR_ANSWERS_WITHIN_S = 3
STOP_TAKES_AT_MOST_S = 2.0
OUTCOME = "portico.outcome"
_KINDS = {kind: SpanKind[kind.upper()] for kind in ("server", "client", "producer", "consumer")}


class OtlpSpan:
    """A span of the SDK."""

    __slots__ = ("_recorded", "traceparent")

    def __init__(self, recorded: RecordedSpan) -> None:
        self._recorded = recorded
        context = recorded.get_span_context()
        is_sampled = int(context.trace_flags.sampled)  # later versions of traceparent have more flags
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{is_sampled:02x}"

    def end(self, outcome: str, *, is_fault: bool = False, name: str | None = None) -> None:
        """Record the span (see `tracing.Span`)."""
        if name is not None:
            self._recorded.update_name(name)
        self._recorded.set_attribute(OUTCOME, outcome)
        if is_fault:
            self._recorded.set_status(StatusCode.ERROR)
        self._recorded.end()


class OtlpRecorder:
    """Records the spans of one process (see `tracing.Recorder`). `ratio`: the part of the traces begun here that is recorded."""

    def __init__(self, service: str, collector: str, ratio: float) -> None:
        # It would tell of each try to reach a collector that is away.
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)
        exporter = OTLPSpanExporter(f"{collector.rstrip('/')}/v1/traces", timeout=COLLECTOR_ANSWERS_WITHIN_S)
        self._provider = TracerProvider(
            sampler=ParentBasedTraceIdRatio(ratio),
            resource=Resource.create({"service.name": f"portico-{service}"}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, MOST_WAITING, SENT_EVERY_MS, max_export_batch_size=SENT_AT_ONCE)
        )
        self._tracer = self._provider.get_tracer("portico")

    def begin(self, kind: Kind, name: str, parent: str | None, started_at: float | None) -> Span:
        """Begin a span (see `tracing.Recorder`)."""
        recorded = self._tracer.start_span(
            name,
            context=set_span_in_context(_remote(parent)),
            kind=_KINDS[kind],
            start_time=None if started_at is None else int(started_at * 1e9),
        )
        return OtlpSpan(recorded)

    def stop(self) -> None:
        """Send what is left (see `tracing.Recorder`)."""
        # By itself it would try for half a minute to reach a collector that is away.
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(STOP_TAKES_AT_MOST_S)


def _remote(traceparent: str | None) -> RecordedSpan:
    """The span that a traceparent names."""
    if traceparent is None:
        return INVALID_SPAN
    _, trace, span, flags = traceparent.split("-")
    return NonRecordingSpan(
        SpanContext(int(trace, 16), int(span, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    )
