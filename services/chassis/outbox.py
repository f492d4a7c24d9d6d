"""The relay: takes events from the outbox to the broker, in order per aggregate, until each is confirmed."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import CursorResult, delete, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from services.chassis import metrics, wire
from services.chassis.database import Database
from services.chassis.logs import log
from services.chassis.loop import Loop
from services.chassis.publisher import Outgoing, Publisher
from services.chassis.unit_of_work import utc_now

SWEEP_S = 1.0
BATCH = 200
CLAIM_S = 15


class Relay:
    """Publishes what commits leave in the outbox. Woken after a commit, and by itself every second."""

    def __init__(self, service: str, database: Database, tables: Any, publisher: Publisher) -> None:
        self._service = service
        self._database = database
        self._outbox = tables.Outbox
        self._publisher = publisher
        self._loop = Loop("outbox-relay", self._sweep, SWEEP_S)
        self.start, self.wake, self.stop = self._loop.start, self._loop.wake, self._loop.stop

    def _sweep(self) -> bool:
        # Without a broker there is nothing to back off from: the next look is a second away.
        finished = self._drain() if self._publisher.is_connected else True
        self._measure()
        return finished

    def _drain(self) -> bool:
        """Publish batches until the outbox is empty (True) or one does not get through (False)."""
        while not self._loop.stopping.is_set():
            rows = self._claim()
            if not rows:
                return True
            messages = [
                Outgoing(
                    row.exchange,
                    row.routing_key,
                    row.body,
                    row.event_id,
                    wire.CLOUDEVENTS_JSON,
                    {"event_id": row.event_id},
                )
                for row in rows
            ]
            self._publisher.send_all(messages)
            confirmed = [
                row.seq for row, message in zip(rows, messages, strict=True) if message.outcome == "confirmed"
            ]
            unroutable = sum(message.outcome == "unroutable" for message in messages)
            if unroutable:
                metrics.UNROUTABLE.labels(self._service).inc(unroutable)
                log.error("events_unroutable", count=unroutable)
            metrics.PUBLISHED.labels(self._service).inc(len(confirmed))
            self._settle([row.seq for row in rows], confirmed)
            if len(confirmed) < len(rows):
                return False
        return True

    def _claim(self) -> list[Any]:
        """The oldest unpublished event of each aggregate: at most one of each, so that order is kept.

        With PostgreSQL several relays share the work: rows are claimed for a while in a short transaction, so none is
        open while the broker is asked. A SQLite file has one process, hence one relay, and needs no claim.
        """
        if self._database.is_sqlite:
            with self._database.reading(None) as session:
                return list(session.scalars(self._heads()).all())

        def claim(session: Session) -> list[Any]:
            rows = list(session.scalars(self._heads().with_for_update(skip_locked=True)).all())
            until = utc_now() + datetime.timedelta(seconds=CLAIM_S)
            session.execute(
                update(self._outbox)
                .where(self._outbox.seq.in_([row.seq for row in rows]))
                .values(claimed_until=until),
                execution_options={"synchronize_session": False},
            )
            return rows

        return self._database.write(None, claim)

    def _heads(self) -> Any:
        earlier = aliased(self._outbox)
        now = utc_now()
        return (
            select(self._outbox)
            .where(or_(self._outbox.claimed_until.is_(None), self._outbox.claimed_until < now))
            .where(
                ~select(earlier.seq)
                .where(earlier.aggregate == self._outbox.aggregate, earlier.seq < self._outbox.seq)
                .exists()
            )
            .order_by(self._outbox.seq)
            .limit(BATCH)
        )

    def _settle(self, taken: list[int], confirmed: list[int]) -> None:
        def settle(session: Session) -> CursorResult[Any] | None:
            left = sorted(set(taken) - set(confirmed))
            if left:
                session.execute(
                    update(self._outbox)
                    .where(self._outbox.seq.in_(left))
                    .values(claimed_until=None, tries=self._outbox.tries + 1),
                    execution_options={"synchronize_session": False},
                )
            return session.execute(  # type: ignore[return-value]
                delete(self._outbox).where(self._outbox.seq.in_(confirmed)),
                execution_options={"synchronize_session": False},
            )

        self._database.write(None, settle)

    def _measure(self) -> None:
        with self._database.reading(None) as session:
            depth, oldest = session.execute(
                select(func.count(self._outbox.seq), func.min(self._outbox.created_at))
            ).one()
        metrics.OUTBOX_DEPTH.labels(self._service).set(depth)
        metrics.OUTBOX_AGE.labels(self._service).set((utc_now() - oldest).total_seconds() if oldest else 0.0)
