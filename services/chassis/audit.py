"""The audit trail as a chain: what a row's hash covers, what a checkpoint states, and the verification of both.

    python -m services.chassis.audit verify <service> [--keys FILE]… [--statements FILE]…

The database's address comes from <SERVICE>_DATABASE_URL, the public keys from --keys or PASSPORT_KEYS_FILE.
`--statements` are checkpoints kept elsewhere (events `audit_checkpoint`, one JSON object a line). With them the verification
detects a cut trail even if the checkpoints in the database were cut as well.

audit_sealing adds rows to the chain; services/decisions gives the reasons for the design.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from services.chassis.database import Database
from services.chassis.models import base_of
from services.chassis.passports import issuer_of, read_public_keys, signature_holds
from services.chassis.unit_of_work import utc_now

GENESIS = "0" * 64
# The chain of rows without organisation: a log-in for an organisation that does not exist, work of the platform itself.
PLATFORM = "platform"
PURPOSE = "audit checkpoint"
PAGE = 1000
# If a row is not in the chain after this time, the sealer stands still.
SEALED_WITHIN = datetime.timedelta(minutes=2)


@dataclass(frozen=True)
class Statement:
    """What a service signs: at this time, the chain of this organisation had `seq` rows and ended with `row_hash`."""

    service: str
    chain: str
    seq: int
    row_hash: str
    at: datetime.datetime

    def text(self) -> bytes:
        """The bytes that are signed."""
        return orjson.dumps(
            {
                "service": self.service,
                "organisation": self.chain,
                "seq": self.seq,
                "row_hash": self.row_hash,
                "at": _moment(self.at),
            },
            option=orjson.OPT_SORT_KEYS,
        )


@dataclass
class ChainReport:
    """The result for one organisation's chain. `fault` is the first fault, or None."""

    chain: str
    rows: int = 0
    unsealed: int = 0
    checkpoints: int = 0
    fault: str | None = None

    def __str__(self) -> str:
        return (
            f"{self.chain}: {self.rows} rows, {self.unsealed} not sealed yet, {self.checkpoints} checkpoints, "
            f"{self.fault or 'holds'}"
        )


def chain_of(organisation_id: str | None) -> str:
    """The name of an organisation's chain."""
    return organisation_id or PLATFORM


def row_hash(row: Any, seq: int, previous_hash: str) -> str:
    """SHA-256 over the canonical JSON of a row's content, its place and its predecessor's hash.

    The canonical JSON has members in the order of their names, no spaces, UTF-8, and times in UTC with microseconds.
    """
    content = {
        "seq": seq,
        "previous_hash": previous_hash,
        "id": row.id,
        "organisation_id": row.organisation_id,
        "organisation_key": row.organisation_key,
        "at": _moment(row.at),
        "actor_kind": row.actor_kind,
        "actor_id": row.actor_id,
        "action": row.action,
        "object_type": row.object_type,
        "object_id": row.object_id,
        "person_id": row.person_id,
        "facts": row.facts,
        "reason": row.reason,
        "correlation_id": row.correlation_id,
    }
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _moment(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).isoformat(timespec="microseconds")


def verify(
    database: Database,
    tables: Any,
    service: str,
    keys: Iterable[Mapping[str, Any]],
    statements: Iterable[tuple[Statement, str]] = (),
) -> list[ChainReport]:
    """Verify every chain of a service's database, in the order of their names. It reads in pages and writes nothing.

    `keys` are sets of public keys by key id (`retired.json` as well after a change of keys). `statements` are checkpoints kept
    elsewhere, with their signatures. A fault is a row that was changed, deleted, inserted or moved, an end
    that was cut off, a checkpoint or head that the service did not sign, or a row that stays out of the chain.
    """
    with database.reading(None) as session:
        if (
            not database.is_sqlite
        ):  # one view of all tables while the sealer continues; SQLite always gives one
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        return verify_in(session, tables, service, keys, statements)


def verify_in(
    session: Session,
    tables: Any,
    service: str,
    keys: Iterable[Mapping[str, Any]],
    statements: Iterable[tuple[Statement, str]] = (),
) -> list[ChainReport]:
    """As `verify`, in a session with one consistent view of the database."""
    signers = [key for known in keys for kid, key in known.items() if issuer_of(kid) == service]
    kept: dict[str, list[tuple[Statement, str]]] = {}
    for statement, signature in statements:
        if statement.service == service:
            kept.setdefault(statement.chain, []).append((statement, signature))
    chains = set(session.scalars(select(tables.AuditHead.chain)))
    chains |= {chain_of(each) for each in session.scalars(select(tables.Audit.organisation_id).distinct())}
    chains |= set(session.scalars(select(tables.AuditCheckpoint.chain).distinct()))
    return [
        _Verifier(session, tables, service, signers, kept.get(chain, [])).report(chain)
        for chain in sorted(chains | set(kept))
    ]


class _Fault(Exception):
    """The first fault of a chain."""


class _Verifier:
    def __init__(
        self,
        session: Session,
        tables: Any,
        service: str,
        signers: Sequence[Any],
        kept: Sequence[tuple[Statement, str]],
    ) -> None:
        self._session = session
        self._tables = tables
        self._service = service
        self._signers = signers
        self._kept = kept

    def report(self, chain: str) -> ChainReport:
        report = ChainReport(chain)
        try:
            self._check(chain, report)
        except _Fault as fault:
            report.fault = str(fault)
        except (ValueError, TypeError, SQLAlchemyError) as error:
            report.fault = f"a row cannot be read ({type(error).__name__})"
        return report

    def _check(self, chain: str, report: ChainReport) -> None:
        self._count(chain, report)
        promised = self._promised(chain)
        report.checkpoints = len(promised)
        previous = GENESIS
        for row in self._rows(chain):
            expected = report.rows + 1
            if row.seq != expected:
                raise _Fault(f"row {expected} is missing, the next is {row.seq}")
            if row.previous_hash != previous:
                raise _Fault(f"row {row.seq} does not follow the row before it")
            if row.row_hash != row_hash(row, row.seq, previous):
                raise _Fault(f"row {row.seq} was changed")
            if promised.get(row.seq, row.row_hash) != row.row_hash:
                raise _Fault(f"row {row.seq} is not the one that its checkpoint was made of")
            previous, report.rows = row.row_hash, expected
        beyond = [seq for seq in promised if seq > report.rows]
        if beyond:
            raise _Fault(f"rows {report.rows + 1} to {max(beyond)} are gone, a checkpoint knows them")
        self._check_head(chain, report.rows, previous)

    def _count(self, chain: str, report: ChainReport) -> None:
        audit = self._tables.Audit
        count, oldest = self._session.execute(
            select(func.count(audit.id), func.min(audit.at)).where(
                audit.seq.is_(None), audit.organisation_id == _organisation(chain)
            )
        ).one()
        report.unsealed = count
        if oldest is not None and utc_now() - oldest > SEALED_WITHIN:
            raise _Fault(f"{count} rows are not sealed; the oldest waits since {_moment(oldest)}")

    def _promised(self, chain: str) -> dict[int, str]:
        """The row hash of every checkpoint, by sequence number. Raises _Fault for a wrong signature."""
        checkpoint = self._tables.AuditCheckpoint
        rows = self._session.scalars(
            select(checkpoint).where(checkpoint.chain == chain).order_by(checkpoint.seq)
        )
        found = [
            (Statement(self._service, chain, row.seq, row.row_hash, row.at), row.signature) for row in rows
        ]
        promised: dict[int, str] = {}
        for statement, signature in [*found, *self._kept]:
            if not self._holds(statement, signature):
                raise _Fault(f"the checkpoint at row {statement.seq} was not signed by {self._service}")
            if promised.setdefault(statement.seq, statement.row_hash) != statement.row_hash:
                raise _Fault(f"two checkpoints at row {statement.seq} contradict each other")
        return promised

    def _check_head(self, chain: str, rows: int, last_hash: str) -> None:
        head = self._session.get(self._tables.AuditHead, chain)
        if head is None:
            if rows:
                raise _Fault("the signed end of the chain is missing")
            return
        if head.seq > rows:
            raise _Fault(f"rows {rows + 1} to {head.seq} are gone, the signed end knows them")
        if head.seq < rows or head.row_hash != last_hash:
            raise _Fault(f"row {head.seq} is not the signed end of the chain")
        statement = Statement(self._service, chain, head.seq, head.row_hash, head.at)
        if rows and not self._holds(statement, head.signature or ""):
            raise _Fault(f"the end of the chain at row {head.seq} was not signed by {self._service}")

    def _holds(self, statement: Statement, signature: str) -> bool:
        return any(signature_holds(key, PURPOSE, statement.text(), signature) for key in self._signers)

    def _rows(self, chain: str) -> Iterator[Any]:
        audit, last = self._tables.Audit, None
        columns = list(audit.__table__.columns)
        while True:
            page = select(*columns).where(audit.organisation_id == _organisation(chain)).limit(PAGE)
            page = page.where(audit.seq.is_not(None) if last is None else audit.seq > last)
            rows = self._session.execute(page.order_by(audit.seq)).all()
            yield from rows
            if len(rows) < PAGE:
                return
            last = rows[-1].seq


def _organisation(chain: str) -> str | None:
    return None if chain == PLATFORM else chain


def read_statements(path: str) -> list[tuple[Statement, str]]:
    """Checkpoints kept elsewhere: JSON lines of the event `audit_checkpoint`, or of its data with `service` beside it."""
    found = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if not line.strip():
            continue
        value = json.loads(line)
        data = value.get("data", value)
        service = value.get("source", f"/portico/{value.get('service')}").rpartition("/")[2]
        at = datetime.datetime.fromisoformat(data["sealed_at"])
        found.append(
            (
                Statement(service, data["organisation_id"], data["seq"], data["row_hash"], at),
                data["signature"],
            )
        )
    return found


def main(arguments: list[str] | None = None) -> int:
    """Verify a service's trail and print one line for each organisation. Returns 1 if there is a fault."""
    import argparse  # noqa: PLC0415 - every service loads this module, and only this command needs it

    parser = argparse.ArgumentParser(description="Check a service's audit trail.")
    parser.add_argument("action", choices=["verify"])
    parser.add_argument("service")
    parser.add_argument("--keys", action="append", help="JSON Web Key Set; repeat for keys of earlier times")
    parser.add_argument(
        "--statements", action="append", default=[], help="checkpoints that were kept elsewhere"
    )
    options = parser.parse_args(arguments)
    base = base_of(options.service)
    database = Database(os.environ[f"{options.service.upper()}_DATABASE_URL"])
    keys = [read_public_keys(path) for path in options.keys or [os.environ["PASSPORT_KEYS_FILE"]]]
    statements = [each for path in options.statements for each in read_statements(path)]
    try:
        reports = verify(database, base.chassis, options.service, keys, statements)
    finally:
        database.close()
    sys.stdout.writelines(f"{report}\n" for report in reports)
    return 1 if any(report.fault for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
