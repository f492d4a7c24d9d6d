"""Writing a chunk of an import: the records that differ from the directory, in one transaction with the progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import bindparam, insert, select, update

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.referrals.directory import resource_changed
from services.referrals.directory.keys import set_keys
from services.referrals.directory.models import Resource
from services.referrals.directory.revisions import next_revision
from services.referrals.directory.rules import Level, fingerprint_of
from services.referrals.directory_imports.models import DirectoryImport
from services.referrals.directory_imports.report import PROBLEMS_SHOWN
from services.referrals.directory_imports.rules import HSDS_JSON, ImportPlan, plan_import
from services.referrals.directory_imports.spool import Entry


class Known(NamedTuple):
    """A resource as the directory has it, for comparison."""

    id: str
    level: str
    fingerprint: str
    status: str
    version: int
    is_edited: bool


def apply(unit: UnitOfWork, job: DirectoryImport, entries: Sequence[Entry]) -> None:
    """Write the entries that differ from the directory, unless it is a dry run, and add to the report."""
    revision = 0 if job.is_dry_run else next_revision(unit)
    columns = {entry.number: orjson.loads(entry.columns) for entry in entries}
    numbers = {
        number for row in columns.values() for number in (row["number"], row["parent_number"]) if number
    }
    known = _known(unit, numbers)
    standing = _standing(job, entries, columns, known)
    plan = plan_import(_fingerprints(unit, job.source, standing, known), standing)
    _note(job, plan, standing, known)
    if not job.is_dry_run:
        ids = {number: row.id for number, row in known.items()}
        ids |= {entry.number: wire.new_id() for entry in plan.added}
        rows = {
            entry.number: _row(unit, entry, columns[entry.number], ids, revision)
            for entry in (*plan.added, *plan.changed)
        }
        _write(unit, plan, ids, rows)
        keys = {ids[number]: columns[number]["keys"] for number in rows}
        set_keys(unit.session, str(unit.organisation_id), keys)
        _tell(unit, plan, known, rows)


def _known(unit: UnitOfWork, numbers: set[str]) -> dict[str, Known]:
    statement = select(
        Resource.number,
        Resource.id,
        Resource.level,
        Resource.fingerprint,
        Resource.status,
        Resource.version,
        Resource.edited_at,
    ).where(Resource.number.in_(numbers))
    return {
        number: Known(resource_id, level, fingerprint, status, version, edited_at is not None)
        for number, resource_id, level, fingerprint, status, version, edited_at in unit.session.execute(
            statement
        )
    }


def _fingerprints(
    unit: UnitOfWork, source: str | None, entries: Sequence[Entry], known: Mapping[str, Known]
) -> dict[str, str]:
    """The fingerprint of each known record. A record that says what the directory says by now changes nothing either.

    Nor does one of an HSDS file that lacks only what is private: our own exports leave that out, and reading them back must
    not drop it.
    """
    found = {number: row.fingerprint for number, row in known.items()}
    incoming = {entry.number: entry.fingerprint for entry in entries}
    may_be_ours = source == HSDS_JSON
    others = [
        number
        for number, row in known.items()
        if (row.is_edited or may_be_ours) and incoming.get(number) not in (None, row.fingerprint)
    ]
    records = select(Resource.number, Resource.record).where(Resource.number.in_(others))
    for number, record in unit.session.execute(records):
        said = [fingerprint_of(record)]
        if may_be_ours:
            said.append(fingerprint_of({name: value for name, value in record.items() if name != "private"}))
        if incoming[number] in said:
            found[number] = incoming[number]
    return found


def _standing(
    job: DirectoryImport, entries: Sequence[Entry], columns: Mapping[str, Any], known: Mapping[str, Known]
) -> list[Entry]:
    """The entries whose agency exists; the others are reported."""
    orphans = []
    standing = []
    for entry in entries:
        parent = known.get(columns[entry.number]["parent_number"]) if entry.orphan else None
        if entry.orphan and (parent is None or parent.level != Level.AGENCY.value):
            orphans.append(orjson.loads(entry.orphan))
        else:
            standing.append(entry)
    if orphans:
        job.counts = job.counts | {"refused": job.counts["refused"] + len(orphans)}
        job.problems = [*job.problems, *orphans[: PROBLEMS_SHOWN - len(job.problems)]]
    return standing


def _note(
    job: DirectoryImport, plan: ImportPlan[Entry], standing: list[Entry], known: Mapping[str, Known]
) -> None:
    told = {"added": len(plan.added), "changed": len(plan.changed), "unchanged": len(plan.unchanged)}
    job.counts = job.counts | {name: job.counts[name] + count for name, count in told.items()}
    job.levels = dict(Counter(job.levels) + Counter(entry.level.value for entry in standing))
    overwritten = [
        {
            "line": entry.line,
            "column": None,
            "code": "edit_overwritten",
            "message": f"Number {entry.number} was edited by hand; its source has changed since, and counts.",
            "file": None,
        }
        for entry in plan.changed
        if known[entry.number].is_edited
    ]
    if overwritten:
        job.warnings = [*job.warnings, *overwritten[: PROBLEMS_SHOWN - len(job.warnings)]]


def _row(
    unit: UnitOfWork, entry: Entry, columns: Mapping[str, Any], ids: Mapping[str, str], revision: int
) -> dict[str, Any]:
    parent = columns["parent_number"]
    return {
        **{name: value for name, value in columns.items() if name not in ("parent_number", "keys")},
        "agency_id": ids[parent] if parent else None,
        "fingerprint": entry.fingerprint,
        "revision": revision,
        "edited_at": None,
        "retired_at": None,
        "updated_at": unit.now,
    }


def _write(
    unit: UnitOfWork, plan: ImportPlan[Entry], ids: Mapping[str, str], rows: Mapping[str, dict[str, Any]]
) -> None:
    connection, table = unit.session.connection(), Resource.metadata.tables[Resource.__tablename__]
    own = {"organisation_id": unit.organisation_id, "version": 1, "created_at": unit.now}
    if plan.added:
        added = [{"id": ids[entry.number], **own, **rows[entry.number]} for entry in plan.added]
        connection.execute(insert(table), added)
    change = update(table).where(table.c.id == bindparam("row_id")).values(version=table.c.version + 1)
    if plan.changed:
        changed = [{"row_id": ids[entry.number], **rows[entry.number]} for entry in plan.changed]
        # The columns must be named, because the statement sets the version already.
        names: dict[str, Any] = {name: bindparam(name) for name in changed[0] if name != "row_id"}
        connection.execute(change.values(names), changed)


def _tell(
    unit: UnitOfWork, plan: ImportPlan[Entry], known: Mapping[str, Known], rows: Mapping[str, dict[str, Any]]
) -> None:
    """Publish each change of status, which decides about referrals. `directory_imported` covers all other changes."""
    for entry in plan.changed:
        before, row = known[entry.number], rows[entry.number]
        if before.status != row["status"]:
            unit.publish(
                resource_changed,
                before.id,
                {
                    "resource_id": before.id,
                    "agency_id": row["agency_id"],
                    "level": row["level"],
                    "status": row["status"],
                    "version": before.version + 1,
                    "is_new": False,
                },
            )
