"""Commands of the resource directory."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import bindparam, insert, select, update

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.referrals import directory_imported
from services.referrals.directory.models import Resource
from services.referrals.directory.reading import Entry, Upload
from services.referrals.directory.rules import ImportPlan, plan_import

ROWS_AT_ONCE = 50


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
        upload.entries,
    )
    ids = {number: row.id for number, row in known.items()}
    ids.update({record.number: wire.new_id() for record in plan.added})
    _write(unit, plan, ids)
    counts = {
        "added": len(plan.added),
        "changed": len(plan.changed),
        "unchanged": len(plan.unchanged),
        "refused": upload.refused,
    }
    unit.audit("directory.imported", "import", import_id, **counts)
    unit.publish(directory_imported, import_id, {"import_id": import_id, **counts})
    return {
        **counts,
        "levels": upload.levels,
        "problems": upload.problems,
        "warnings": upload.warnings,
    }


def _write(unit: UnitOfWork, plan: ImportPlan[Entry], ids: dict[str, str]) -> None:
    connection = unit.session.connection()
    for entries in _chunks(plan.added):
        own = {"organisation_id": unit.organisation_id, "version": 1, "created_at": unit.now}
        rows = [{"id": ids[entry.number], **own, **_row(unit, entry, ids)} for entry in entries]
        connection.execute(insert(Resource.__table__), rows)
        _let_others_run()
    table = Resource.__table__
    change = update(table).where(table.c.id == bindparam("row_id")).values(version=table.c.version + 1)
    for entries in _chunks(plan.changed):
        rows = [{"row_id": ids[entry.number], **_row(unit, entry, ids)} for entry in entries]
        # The columns are named here because the statement has values of its own already.
        names: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "row_id"}
        connection.execute(change.values(names), rows)
        _let_others_run()


def _row(unit: UnitOfWork, entry: Entry, ids: dict[str, str]) -> dict[str, Any]:
    columns = orjson.loads(entry.columns)
    parent_number = columns.pop("parent_number")
    agency_id = ids[parent_number] if parent_number else None
    return {**columns, "agency_id": agency_id, "fingerprint": entry.fingerprint, "updated_at": unit.now}


def _chunks(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    for start in range(0, len(entries), ROWS_AT_ONCE):
        yield entries[start : start + ROWS_AT_ONCE]


def _let_others_run() -> None:
    """Give other calls their turn between two chunks.

    Safe inside this write: other writers wait for their turn outside the database, readers go on beside it.
    """
    time.sleep(0)
