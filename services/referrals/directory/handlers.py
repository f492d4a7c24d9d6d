"""Commands of the resource directory."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from services.chassis import wire
from services.chassis.blobs import BlobStore
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.referrals import directory_imported
from services.referrals.directory.icarol import Parsed, parse
from services.referrals.directory.models import Resource
from services.referrals.directory.rules import (
    ImportPlan,
    ResourceRecord,
    fingerprint,
    plan_import,
    record_as_json,
    search_key,
)

ROWS_AT_ONCE = 50
PROBLEMS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Upload:
    """A parsed file and the fingerprints of its records by number: all that needs no database."""

    parsed: Parsed
    fingerprints: dict[str, str]


def read_upload(
    blobs: BlobStore, organisation_id: str, sha256: str, known_agency_numbers: Container[str]
) -> Upload:
    """Read and parse an uploaded export; pure computing, run outside the event loop and outside a transaction.

    Raises Refused `not_found` (no such upload) and FileRefused.
    """
    parsed = parse(blobs.read(organisation_id, sha256), known_agency_numbers)
    return Upload(parsed, {record.number: fingerprint(record) for record in parsed.records})


def import_directory(unit: UnitOfWork, _request: Any, upload: Upload) -> dict[str, Any]:
    """Bring the directory to what the file says; records that it does not hold are left alone. Returns the report."""
    import_id = wire.new_id()
    known = {
        row.number: row
        for row in unit.session.execute(
            select(Resource.number, Resource.id, Resource.level, Resource.fingerprint)
        )
    }
    plan = plan_import(
        {number: row.fingerprint for number, row in known.items()},
        upload.parsed.records,
        lambda record: upload.fingerprints[record.number],
    )
    ids = {number: row.id for number, row in known.items()}
    ids.update({record.number: wire.new_id() for record in plan.added})
    _write(unit, plan, upload, ids)
    counts = {
        "added": len(plan.added),
        "changed": len(plan.changed),
        "unchanged": len(plan.unchanged),
        "refused": len(upload.parsed.refused),
    }
    unit.audit("directory.imported", "import", import_id, **counts)
    unit.publish(directory_imported, import_id, {"import_id": import_id, **counts})
    return {
        **counts,
        "levels": dict(Counter(record.level.value for record in upload.parsed.records)),
        "problems": upload.parsed.refused[:PROBLEMS_SHOWN],
        "warnings": upload.parsed.warnings[:PROBLEMS_SHOWN],
    }


def _write(unit: UnitOfWork, plan: ImportPlan, upload: Upload, ids: dict[str, str]) -> None:
    connection = unit.session.connection()
    for records in _chunks(plan.added):
        rows = [_row(unit, record, upload, ids) for record in records]
        own = {"organisation_id": unit.organisation_id, "version": 1, "created_at": unit.now}
        connection.execute(
            insert(Resource.__table__), [{"id": ids[row["number"]], **own, **row} for row in rows]
        )
        _let_others_run()
    table = Resource.__table__
    change = update(table).where(table.c.id == bindparam("row_id")).values(version=table.c.version + 1)
    for records in _chunks(plan.changed):
        rows = [_row(unit, record, upload, ids) for record in records]
        # The columns are named here because the statement has values of its own already.
        names: dict[str, Any] = {name: bindparam(name) for name in rows[0]}
        connection.execute(change.values(names), [{"row_id": ids[row["number"]], **row} for row in rows])
        _let_others_run()


def _row(unit: UnitOfWork, record: ResourceRecord, upload: Upload, ids: dict[str, str]) -> dict[str, Any]:
    as_json = record_as_json(record)
    return {
        "number": record.number,
        "level": record.level.value,
        "name": record.name,
        "search_key": search_key(record.name),
        "status": record.status.value,
        "agency_id": ids[record.parent_number] if record.parent_number else None,
        "fingerprint": upload.fingerprints[record.number],
        "temporary_message": as_json.get("temporary_message"),
        "record": as_json,
        "updated_at": unit.now,
    }


def _chunks(records: Sequence[ResourceRecord]) -> Iterator[Sequence[ResourceRecord]]:
    for start in range(0, len(records), ROWS_AT_ONCE):
        yield records[start : start + ROWS_AT_ONCE]


def _let_others_run() -> None:
    """Give other calls their turn between two chunks.

    Safe inside this write: other writers wait for their turn outside the database, readers go on beside it.
    """
    time.sleep(0)
