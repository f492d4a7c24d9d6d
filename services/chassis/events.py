"""The entrypoint of an event: delivered at least once, applied once, and retried with growing delays when it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Concatenate, ParamSpec

from marshmallow import ValidationError
from nameko.extensions import Entrypoint
from sqlalchemy.orm import Session

from services.chassis import logs, metrics, tracing, wire
from services.chassis.database import insert_unless_there
from services.chassis.inbound import Inbound
from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.declare import Event, Operation

RETRY_AFTER_S = (1, 5, 30, 300)
TRIES = "portico-tries"
Extra = ParamSpec("Extra")
MOST_ID_CHARACTERS = 64  # what the inbox holds


def retry_exchange(seconds: int) -> str:
    """The exchange of the delay queue that returns a message to its queue after so many seconds."""
    return f"portico.retry-{seconds}s"


def queue_of(service: str, handler: str) -> str:
    """The queue of one handler: `<service>.on_<event>`."""
    return f"{service}.{handler}"


@dataclass(frozen=True)
class EventContext:
    """The envelope of an event."""

    event_id: str
    subject: str
    organisation_id: str
    organisation_key: str
    correlation_id: str
    traceparent: str | None
    reference: str | None = None
    client_kind: str | None = None


class IncomingEvent:
    """An event for one handler, with the means to apply it once."""

    def __init__(
        self, runtime: Runtime, handler: str, event: Event, data: Mapping[str, Any], context: EventContext
    ) -> None:
        self.runtime = runtime
        self.handler = handler
        self.event = event
        self.data = data
        self.context = context

    def ask(self, operation: Operation, request: Mapping[str, Any]) -> Any:
        """Call another service within the event's organisation, before `apply`."""
        return self.runtime.ask(
            operation, request, organisation=self._organisation, context=self._call_context
        )

    def apply(
        self,
        handler: Callable[Concatenate[UnitOfWork, Mapping[str, Any], Extra], Any],
        *extra: Extra.args,
        **named: Extra.kwargs,
    ) -> bool:
        """Run `handler(unit_of_work, data, *extra, **named)` in the transaction that also marks the event as handled.

        The service itself is the caller. If the event was applied before, it runs nothing and returns False.
        """

        def work(unit: UnitOfWork) -> bool:
            if not self._claim(unit.session):
                return False
            handler(unit, self.data, *extra, **named)
            return True

        return transact(
            self.runtime,
            work,
            caller=itself(self.runtime, *self._organisation),
            context=self._call_context,
            organisation=self._organisation,
        )

    @property
    def _organisation(self) -> tuple[str, str]:
        return self.context.organisation_id, self.context.organisation_key

    @property
    def _call_context(self) -> wire.CallContext:
        return wire.CallContext(
            self.context.event_id,
            correlation_id=self.context.correlation_id,
            traceparent=self.context.traceparent,
            reference=self.context.reference,
            client_kind=self.context.client_kind,
        )

    def _claim(self, session: Session) -> bool:
        row = {"event_id": self.context.event_id, "handler": self.handler, "handled_at": utc_now()}
        return insert_unless_there(session, self.runtime.tables.Inbox.__table__, row)


class Listens(Entrypoint):  # type: ignore[misc]  # nameko has no types
    """nameko entrypoint of one event. Use as `@listens(event)` over `def on_<event>(self, incoming)`."""

    inbound = Inbound()

    def __init__(self, event: Event) -> None:
        super().__init__()
        self.event = event

    def setup(self) -> None:
        if self.method_name != f"on_{self.event.name}":
            raise ValueError(
                f"{self.method_name} listens to {self.event.name}: its name is on_{self.event.name}"
            )
        self.runtime = self.container.config["runtime"]
        self.queue = queue_of(self.runtime.service, self.method_name)
        self.inbound.listen(self.queue, self)

    def stop(self) -> None:
        self.inbound.drain()

    def take(self, message: Any) -> None:
        """Hand the message to a worker. The connection's reader calls this."""
        self.inbound.spawn(getattr(self.container.service_cls(), self.method_name), self, message)

    def perform(self, service: Any, method: Callable[..., Any], message: Any) -> None:
        """Decode, check, handle and acknowledge, in a worker; delay or park on failure. No exception escapes."""
        started = time.monotonic()
        outcome = "ok"
        span = None
        try:
            incoming = self._read(message)
            span = tracing.begin("consumer", self.queue, incoming.context.traceparent)
            if span is not None:
                incoming.context = replace(incoming.context, traceparent=span.traceparent)
            logs.correlation_id.set(incoming.context.correlation_id)
            logs.traceparent.set(incoming.context.traceparent)
            method(service, incoming)
            self.inbound.acknowledge(message)
        except (
            Exception
        ) as error:  # a failed event must not stop others: it is delayed, and parked in the end
            outcome = self._failed(message, error)
        took_s = time.monotonic() - started
        metrics.EVENTS_HANDLED.labels(self.queue, outcome).observe(took_s)
        if span is not None:
            span.end(outcome, is_fault=outcome != "ok")
        logs.log.info(
            "handled",
            queue=self.queue,
            event_type=self.event.type,
            outcome=outcome,
            ms=round(took_s * 1000, 1),
        )

    def _read(self, message: Any) -> IncomingEvent:
        if message.unreadable:
            raise wire.Undecodable(message.unreadable)
        envelope = wire.decode(message.body, message.properties)
        if not isinstance(envelope, dict) or envelope.get("type") != self.event.type:
            raise wire.Undecodable("not_this_event")
        try:
            data = self.event.schema.load(envelope["data"], unknown="exclude")
            own = [envelope[name] for name in ("id", "subject", "organisation", "organisationkey")]
        except (ValidationError, KeyError):
            raise wire.Undecodable("not_this_event") from None
        if not all(map(wire.is_token, own)) or len(own[0]) > MOST_ID_CHARACTERS:
            raise wire.Undecodable("not_this_event")
        correlation_id, traceparent = envelope.get("correlationid"), envelope.get("traceparent")
        reference = envelope.get("clientreference")
        event_id, subject, organisation_id, organisation_key = own
        context = EventContext(
            event_id,
            subject,
            organisation_id,
            organisation_key,
            correlation_id if wire.is_token(correlation_id) else event_id,
            traceparent if wire.is_traceparent(traceparent) else None,
            reference if wire.is_reference(reference) else None,
            wire.client_kind_of(envelope.get("clientkind")),
        )
        return IncomingEvent(self.runtime, self.method_name, self.event, data, context)

    def _failed(self, message: Any, error: Exception) -> str:
        """Park an unreadable event. Delay a failed one, and park it after the last retry."""
        if isinstance(error, wire.Undecodable):
            return self._park(message, error.reason)
        tries = _tries(message)
        logs.log.warning(
            "event_failed",
            queue=self.queue,
            tries=tries + 1,
            error=type(error).__name__,
            where=logs.where(error),
        )
        if tries == len(RETRY_AFTER_S):
            return self._park(message, "failed")
        return self._delay(message, tries)

    def _park(self, message: Any, reason: str) -> str:
        """Park the event. If the parking queue is full, try again after the longest delay: an event is never discarded."""
        if self.inbound.park_event(message, reason, self.queue):
            return "parked"
        return self._delay(message, len(RETRY_AFTER_S) - 1)

    def _delay(self, message: Any, tries: int) -> str:
        self.inbound.pass_on(message, retry_exchange(RETRY_AFTER_S[tries]), self.queue, {TRIES: tries + 1})
        return "delayed"


def _tries(message: Any) -> int:
    """How often this event has failed. Whatever else the header holds counts as never."""
    tries = (message.headers or {}).get(TRIES)
    return tries if type(tries) is int and 0 <= tries <= len(RETRY_AFTER_S) else 0


def listens(event: Event) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: this method handles `event`. It takes an IncomingEvent."""

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        def worker(self: Any, entrypoint: Listens, message: Any) -> None:
            entrypoint.perform(self, method, message)

        worker.__name__ = method.__name__
        worker.__doc__ = event.summary
        worker.method = method  # type: ignore[attr-defined]  # lets tests call it without a message
        return Listens.decorator(event)(worker)  # type: ignore[no-any-return]  # nameko has no types

    return decorate
