"""Prometheus metrics of a process. Labels are names of operations, events and queues, never personal data."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

CALLS_SERVED = Histogram(
    "portico_calls_served_seconds", "Calls served", ["service", "operation", "outcome"], buckets=_BUCKETS
)
CALLS_MADE = Histogram(
    "portico_calls_made_seconds",
    "Calls made to a service",
    ["service", "operation", "outcome"],
    buckets=_BUCKETS,
)
EVENTS_HANDLED = Histogram(
    "portico_events_handled_seconds", "Events handled", ["queue", "outcome"], buckets=_BUCKETS
)
PARKED = Counter("portico_parked_total", "Messages parked", ["queue", "reason"])
NOT_PARKED = Counter(
    "portico_not_parked_total",
    "Messages that the parking queue did not take: it is full",
    ["queue", "reason"],
)
PARKING_FILL = Gauge("portico_parking_fill_ratio", "How full the parking queue is; raise an alarm above 0.5")
OUTBOX_DEPTH = Gauge("portico_outbox_depth", "Events that wait to be published", ["service"])
OUTBOX_AGE = Gauge(
    "portico_outbox_age_seconds", "Age of the oldest event that waits to be published", ["service"]
)
PUBLISHED = Counter("portico_events_published_total", "Events confirmed by the broker", ["service"])
UNROUTABLE = Counter(
    "portico_events_unroutable_total", "Events returned because no queue is bound", ["service"]
)
QUEUE_DEPTH = Gauge("portico_queue_depth", "Messages that wait in a queue of this service", ["queue"])
AUDIT_SEALED = Counter("portico_audit_sealed_total", "Audit rows sealed into their chain", ["service"])
AUDIT_UNSEALED = Gauge("portico_audit_unsealed", "Audit rows that are not in their chain yet", ["service"])
AUDIT_UNSEALED_AGE = Gauge(
    "portico_audit_unsealed_age_seconds",
    "Age of the oldest audit row that is not in its chain yet",
    ["service"],
)
DELIVERIES_WAITING = Gauge(
    "portico_deliveries_waiting", "Messages to people that have a try to come", ["channel", "state"]
)
DELIVERIES_OLDEST = Gauge(
    "portico_deliveries_oldest_seconds",
    "How long the oldest message to a person has waited that has a try to come",
    ["channel", "state"],
)
HTTP_REQUESTS = Histogram(
    "portico_http_seconds", "HTTP requests", ["method", "route", "status"], buckets=_BUCKETS
)
STORED_BYTES = Gauge("portico_stored_bytes", "Bytes of all files in the store, as counted last")
STORAGE_FILL = Gauge(
    "portico_storage_fill_ratio",
    "How much of its room the organisation uses that has least left; raise an alarm above 0.8",
)
PROVIDER_RESTS = Gauge(
    "portico_provider_rests", "1 while a channel's provider is left alone after outages", ["channel"]
)
DATABASE_BYTES = Gauge(
    "portico_database_bytes", "Size of the service's database, as measured last", ["service"]
)
ROWS_FORGOTTEN = Counter(
    "portico_rows_forgotten_total", "Rows that were deleted because of their age", ["service", "what"]
)
WORKERS_BUSY = Gauge("portico_workers_busy", "Calls and events being worked on", ["service"])
LOOP_STALL = Histogram(
    "event_loop_stall_seconds",
    "Times that the event loop stood still for more than 50 ms",
    ["service"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)


def exposition() -> bytes:
    """The metrics in Prometheus' text format."""
    return generate_latest()
