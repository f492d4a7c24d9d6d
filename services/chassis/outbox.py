"""The relay publishes the events in the outbox, in order per aggregate, until the broker has confirmed each.

What is confirmed moves into the history, from which `publish_again` takes it after a restore.
"""

from __future__ import annotations

import datetime
import time
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from services.chassis import metrics, tracing, wire
from services.chassis.database import Database, insert_into
from services.chassis.logs import log
from services.chassis.loop import Loop
from services.chassis.models import UtcDateTime
from services.chassis.publisher import Outgoing, Publisher
from services.chassis.unit_of_work import utc_now
from services.contracts import feed

SWEEP_S = 1.0
BATCH = 200
CLAIM_S = 15
# The pause between two batches in a busy service. Events committed meanwhile share one broker confirmation and one
# transaction. The first event after a pause leaves at once.
GATHERED_S = 0.02
_CONTENT = ("event_id", "aggregate", "exchange", "routing_key", "body", "created_at")


class Relay:
    """Publishes the events in the outbox, after each commit with events and once a second.

    `public_url` is where the gateway serves the schemas of events.
    """

    def __init__(
        self, service: str, database: Database, tables: Any, publisher: Publisher, public_url: str
    ) -> None:
        self._service = service
        self._database = database
        self._outbox = tables.Outbox.__table__
        self._published = tables.Published.__table__
        self._publisher = publisher
        self._public_url = public_url
        self._heads = _heads_of(self._outbox)
        self._next_batch_at = self._next_measure_at = 0.0
        self._loop = Loop("outbox-relay", self._sweep, SWEEP_S)
        self.start, self.wake, self.stop = self._loop.start, self._loop.wake, self._loop.stop

    def _sweep(self) -> bool:
        # Without a broker no backing off is needed: the next attempt is a second away.
        finished = self._drain() if self._publisher.is_connected else True
        if time.monotonic() >= self._next_measure_at:
            self._measure()
            self._next_measure_at = time.monotonic() + SWEEP_S
        return finished

    def _drain(self) -> bool:
        """Publish batches until the outbox is empty (True) or an event is not confirmed (False)."""
        self._loop.stopping.wait(max(0.0, self._next_batch_at - time.monotonic()))
        self._next_batch_at = time.monotonic() + GATHERED_S
        while not self._loop.stopping.is_set():
            rows = self._claim()
            if not rows:
                return True
            messages = [message_of(row, self._public_url) for row in rows]
            self._publisher.send_all(messages)
            confirmed = [
                row.seq for row, message in zip(rows, messages, strict=True) if message.outcome == "confirmed"
            ]
            unroutable = sum(message.outcome == "unroutable" for message in messages)
            if unroutable:
                metrics.UNROUTABLE.labels(self._service).inc(unroutable)
                log.error("events_unroutable", count=unroutable)
            metrics.PUBLISHED.labels(self._service).inc(len(confirmed))
            if tracing.is_on():
                _trace(rows, messages)
            self._settle([row.seq for row in rows], confirmed)
            if len(confirmed) < len(rows):
                return False
        return True

    def _claim(self) -> list[Any]:
        """The oldest unpublished event of each aggregate. One event per aggregate at a time keeps their order.

        With PostgreSQL several relays share the work. A short transaction claims the rows for some time, so that none is
        open while the broker is asked. A SQLite file has one process and so one relay, which needs no claims.
        """
        now = utc_now()
        if self._database.is_sqlite:
            with self._database.reading(None) as session:
                return list(session.connection().execute(self._heads, {"now": now}))

        def claim(session: Session) -> list[Any]:
            connection = session.connection()
            rows = list(connection.execute(self._heads.with_for_update(skip_locked=True), {"now": now}))
            if rows:
                until = now + datetime.timedelta(seconds=CLAIM_S)
                claimed = update(self._outbox).where(self._outbox.c.seq.in_([row.seq for row in rows]))
                connection.execute(claimed.values(claimed_until=until))
            return rows

        return self._database.write(None, claim)

    def _settle(self, taken: list[int], confirmed: list[int]) -> None:
        seq = self._outbox.c.seq

        def settle(session: Session) -> None:
            left = sorted(set(taken) - set(confirmed))
            if left:
                again = update(self._outbox).where(seq.in_(left))
                session.connection().execute(again.values(claimed_until=None, tries=self._outbox.c.tries + 1))
            if confirmed:
                connection = session.connection()
                connection.execute(
                    _into_history(connection, self._outbox, self._published, seq.in_(confirmed))
                )
                connection.execute(delete(self._outbox).where(seq.in_(confirmed)))

        self._database.write(None, settle)

    def _measure(self) -> None:
        with self._database.reading(None) as session:
            depth, oldest = session.execute(
                select(func.count(self._outbox.c.seq), func.min(self._outbox.c.created_at))
            ).one()
        metrics.OUTBOX_DEPTH.labels(self._service).set(depth)
        metrics.OUTBOX_AGE.labels(self._service).set((utc_now() - oldest).total_seconds() if oldest else 0.0)


def publish_again(connection: Connection, tables: Any, since: datetime.datetime) -> int:
    """Put the events made since then, and what waits, into the outbox, in order; returns how many there are now.

    In one transaction of the caller, while the service does not run. Listeners know what they have handled by its id.
    """
    outbox, published = tables.Outbox.__table__, tables.Published.__table__
    oldest = connection.scalar(select(func.min(outbox.c.created_at)))
    begin = min(since, oldest or since)
    connection.execute(_into_history(connection, outbox, published, outbox.c.seq > 0))
    connection.execute(delete(outbox))
    rows = (
        select(*(published.c[name] for name in _CONTENT), literal(0))
        .where(published.c.created_at >= begin)
        .order_by(published.c.seq)
    )
    connection.execute(insert(outbox).from_select([*_CONTENT, "tries"], rows))
    return connection.scalar(select(func.count()).select_from(outbox)) or 0


def _into_history(connection: Connection, outbox: Any, published: Any, these: ColumnElement[bool]) -> Any:
    """Copy these events of the outbox into the history. One that is published again is there already."""
    rows = select(*(outbox.c[name] for name in _CONTENT)).where(these).order_by(outbox.c.seq)
    statement = insert_into(connection.dialect.name, published).from_select(list(_CONTENT), rows)
    return statement.on_conflict_do_nothing(index_elements=["event_id"])


def _trace(rows: list[Any], messages: list[Outgoing]) -> None:
    """A span for each event, from its commit to the broker's answer."""
    for row, message in zip(rows, messages, strict=True):
        event = orjson.loads(row.body)
        committed_at = datetime.datetime.fromisoformat(event["time"]).timestamp()
        span = tracing.begin("producer", event["type"], event["traceparent"], committed_at)
        if span is not None:
            span.end(message.outcome, is_fault=message.outcome != "confirmed")


def message_of(row: Any, public_url: str) -> Outgoing:
    """The message of an outbox row, with absolute addresses below `public_url`.

    `dataschema` has to be absolute, and `source` names the installation. The outbox holds the paths only, so that an event
    leaves with the address at which the gateway is by then.
    """
    event = orjson.loads(row.body)
    for name in ("source", "dataschema"):
        event[name] = public_url.rstrip("/") + event[name]
    headers = {f"{feed.HEADER}{name}": event[name] for name in feed.HEADERS if name in event}
    body = wire.encode(event)
    return Outgoing(row.exchange, row.routing_key, body, row.event_id, wire.CLOUDEVENTS_JSON, headers)


def _heads_of(outbox: Any) -> Select[Any]:
    """The oldest event of each aggregate that is unclaimed at the time `now`."""
    earlier = outbox.alias("earlier")
    columns = ("seq", "exchange", "routing_key", "body", "event_id")
    return (
        select(*(outbox.c[name] for name in columns))
        .where(
            or_(
                outbox.c.claimed_until.is_(None), outbox.c.claimed_until < bindparam("now", type_=UtcDateTime)
            )
        )
        .where(
            ~select(earlier.c.seq)
            .where(earlier.c.aggregate == outbox.c.aggregate, earlier.c.seq < outbox.c.seq)
            .exists()
        )
        .order_by(outbox.c.seq)
        .limit(BATCH)
    )
