"""Sealing: a moment after their commit, audit rows get their place in the chain of their organisation.

A command writes its audit row in its own transaction, without waiting for the chain. A sealer then numbers the new rows
without gaps, hashes each together with the hash of the row before it, and signs the new end. It locks the chain's head row,
so each organisation has one sealer at a time. Every CHECKPOINT_ROWS rows, or after CHECKPOINT_EVERY, it also stores and
publishes what it signed.
"""

from __future__ import annotations

import datetime
from functools import partial
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from services.chassis import audit, metrics, wire
from services.chassis.database import Database, insert_unless_there
from services.chassis.logs import log, where
from services.chassis.passports import Caller, Issuer
from services.chassis.unit_of_work import Clock, UnitOfWork, utc_now
from services.contracts.audit import checkpoint_event

SEAL_EVERY_S = 1.0
MEASURE_EVERY_S = 10.0
# At most so many rows per transaction, so that the writers of an SQLite database need not wait long.
BATCH = 200
CHECKPOINT_ROWS = 100
CHECKPOINT_EVERY = datetime.timedelta(minutes=5)


class Sealer:
    """Seals the audit rows of one service. Several processes may run one at the same time."""

    def __init__(
        self, service: str, database: Database, tables: Any, issuer: Issuer, now: Clock = utc_now
    ) -> None:
        self._service = service
        self._database = database
        self._tables = tables
        self._issuer = issuer
        self._now = now
        self._event = checkpoint_event(service)

    def seal(self) -> bool:
        """Seal all rows and make the checkpoints that are due. Returns False if a chain failed.

        A failed chain does not stop the others. It is logged, and `verify` reports rows that stay unsealed.
        """
        finished = True
        for organisation_id in self._waiting():
            try:
                while self._database.write(None, partial(self._seal, organisation_id)):
                    continue
            except Exception as error:
                log.error(
                    "audit_not_sealed",
                    chain=audit.chain_of(organisation_id),
                    error=type(error).__name__,
                    where=where(error),
                )
                finished = False
        return finished

    def measure(self) -> bool:
        """Set the metrics of unsealed rows: how many there are, and the age of the oldest in seconds."""
        rows = self._tables.Audit
        with self._database.reading(None) as session:
            count, oldest = session.execute(
                select(func.count(), func.min(rows.at)).where(rows.seq.is_(None))
            ).one()
        age_s = max(0.0, (self._now() - oldest).total_seconds()) if oldest is not None else 0.0
        metrics.AUDIT_UNSEALED.labels(self._service).set(count)
        metrics.AUDIT_UNSEALED_AGE.labels(self._service).set(age_s)
        return True

    def _waiting(self) -> list[str | None]:
        """Organisations with rows to seal or a checkpoint to make, found without a write lock."""
        rows, head = self._tables.Audit, self._tables.AuditHead
        with self._database.reading(None) as session:
            found = set(session.scalars(select(rows.organisation_id).where(rows.seq.is_(None)).distinct()))
            due = select(head.chain).where(
                head.seq > head.checkpoint_seq,
                or_(
                    head.seq - head.checkpoint_seq >= CHECKPOINT_ROWS,
                    head.checkpoint_at <= self._now() - CHECKPOINT_EVERY,
                ),
            )
            found |= {None if chain == audit.PLATFORM else chain for chain in session.scalars(due)}
        return sorted(found, key=str)

    def _seal(self, organisation_id: str | None, session: Session) -> bool:
        """Seal one batch; True when there may be more."""
        head = self._lock_head(session, audit.chain_of(organisation_id))
        rows = self._unsealed(session, organisation_id)
        seq, last = head.seq, head.row_hash
        places = []
        for row in rows:
            seq += 1
            current = audit.row_hash(row, seq, last)
            places.append({"id": row.id, "seq": seq, "previous_hash": last, "row_hash": current})
            last = current
        if places:
            session.execute(update(self._tables.Audit), places)
            self._sign(head, seq, last)
            metrics.AUDIT_SEALED.labels(self._service).inc(len(places))
        self._checkpoint_if_due(session, head, organisation_id)
        return len(rows) == BATCH

    def _lock_head(self, session: Session, chain: str) -> Any:
        table = self._tables.AuditHead
        first = {
            "chain": chain,
            "seq": 0,
            "row_hash": audit.GENESIS,
            "at": self._now(),
            "checkpoint_seq": 0,
            "checkpoint_at": self._now(),
        }
        insert_unless_there(session, table.__table__, first)
        return session.scalars(select(table).where(table.chain == chain).with_for_update()).one()

    def _unsealed(self, session: Session, organisation_id: str | None) -> list[Any]:
        rows = self._tables.Audit
        statement = (
            select(*rows.__table__.columns)
            .where(rows.seq.is_(None), rows.organisation_id == organisation_id)
            .order_by(rows.at, rows.id)
            .limit(BATCH)
        )
        return list(session.execute(statement))

    def _sign(self, head: Any, seq: int, last: str) -> None:
        head.seq, head.row_hash, head.at = seq, last, self._now()
        statement = audit.Statement(self._service, head.chain, seq, last, head.at)
        head.signature = self._issuer.sign(audit.PURPOSE, statement.text())

    def _checkpoint_if_due(self, session: Session, head: Any, organisation_id: str | None) -> None:
        is_full = head.seq - head.checkpoint_seq >= CHECKPOINT_ROWS
        is_late = head.checkpoint_at <= self._now() - CHECKPOINT_EVERY
        if head.seq == head.checkpoint_seq or not (is_full or is_late):
            return
        head.checkpoint_seq, head.checkpoint_at = head.seq, self._now()
        session.add(
            self._tables.AuditCheckpoint(
                chain=head.chain, seq=head.seq, row_hash=head.row_hash, at=head.at, signature=head.signature
            )
        )
        key = self._organisation_key(session, organisation_id)
        if organisation_id is None or key is None:
            return  # rows of no organisation: nobody subscribes to their events
        unit = UnitOfWork(
            session,
            self._tables,
            self._service,
            caller=Caller("service", self._service, organisation_id, key),
            context=wire.CallContext(wire.new_id(), correlation_id=wire.new_id()),
            organisation_id=organisation_id,
            organisation_key=key,
        )
        unit.publish(
            self._event,
            organisation_id,
            {
                "organisation_id": organisation_id,
                "seq": head.seq,
                "row_hash": head.row_hash,
                "sealed_at": head.at,
                "signature": head.signature,
            },
        )

    def _organisation_key(self, session: Session, organisation_id: str | None) -> str | None:
        rows = self._tables.Audit
        return session.scalar(
            select(rows.organisation_key)
            .where(rows.organisation_id == organisation_id, rows.organisation_key.is_not(None))
            .order_by(rows.at.desc())
            .limit(1)
        )
