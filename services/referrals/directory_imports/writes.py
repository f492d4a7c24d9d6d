"""Writing a chunk of an import: the records that differ from the directory, in one transaction with the progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.referrals.directory import resource_changed
from services.referrals.directory.keys import set_keys, set_terms
from services.referrals.directory.models import Resource
from services.referrals.directory.revisions import next_revision
from services.referrals.directory.shelter import note_withholding, shelter
from services.referrals.directory.terms import Term
from services.referrals.directory.withheld import withholds_more
from services.referrals.directory_imports.comparison import Comparison, Known, compare
from services.referrals.directory_imports.models import DirectoryImport
from services.referrals.directory_imports.report import PROBLEMS_SHOWN
from services.referrals.directory_imports.rules import ImportPlan
from services.referrals.directory_imports.spool import Entry


def apply(unit: UnitOfWork, job: DirectoryImport, entries: Sequence[Entry]) -> None:
    """Write the entries that differ from the directory, unless it is a dry run, and add to the report."""
    revision = 0 if job.is_dry_run else next_revision(unit)
    compared = compare(unit.session, job.source, entries)
    _note(job, compared)
    if not job.is_dry_run:
        plan, columns, known = compared.plan, compared.columns, compared.known
        ids = {number: row.id for number, row in known.items()}
        ids |= {entry.number: wire.new_id() for entry in plan.added}
        rows = {
            entry.number: _row(unit, entry, columns[entry.number], ids, revision)
            for entry in (*plan.added, *plan.changed)
        }
        is_withheld = _withholds(unit, plan, rows)
        _write(unit, plan, ids, rows)
        keys = {ids[number]: columns[number]["keys"] for number in rows}
        set_keys(unit.session, str(unit.organisation_id), keys)
        terms = (Term(*term) for number in rows for term in columns[number]["terms"])
        set_terms(unit.session, str(unit.organisation_id), terms)
        if is_withheld:
            note_withholding(unit, revision)
        shelter(unit, {row["agency_id"] or ids[number] for number, row in rows.items()}, revision)
        _tell(unit, plan, known, rows)


def _withholds(unit: UnitOfWork, plan: ImportPlan[Entry], rows: Mapping[str, dict[str, Any]]) -> bool:
    """Whether the chunk hides a resource that was public, or marks something as private that a resource showed."""
    numbers = [
        entry.number
        for entry in plan.changed
        if not rows[entry.number]["is_public"] or rows[entry.number]["record"].get("private")
    ]
    before = unit.session.execute(
        select(Resource.number, Resource.is_public, Resource.record).where(Resource.number.in_(numbers))
    )
    return any(
        (was_public and not rows[number]["is_public"]) or withholds_more(record, rows[number]["record"])
        for number, was_public, record in before
    )


def _note(job: DirectoryImport, compared: Comparison) -> None:
    plan, orphans = compared.plan, compared.orphans
    if orphans:
        job.counts = job.counts | {"refused": job.counts["refused"] + len(orphans)}
        job.problems = [*job.problems, *orphans[: PROBLEMS_SHOWN - len(job.problems)]]
    told = {"added": len(plan.added), "changed": len(plan.changed), "unchanged": len(plan.unchanged)}
    job.counts = job.counts | {name: job.counts[name] + count for name, count in told.items()}
    job.levels = dict(Counter(job.levels) + Counter(entry.level.value for entry in compared.standing))
    overwritten = [
        {
            "line": entry.line,
            "column": None,
            "code": "edit_overwritten",
            "message": f"Number {entry.number} was edited by hand; its source has changed since, and counts.",
            "file": None,
        }
        for entry in plan.changed
        if compared.known[entry.number].is_edited
    ]
    if overwritten:
        job.warnings = [*job.warnings, *overwritten[: PROBLEMS_SHOWN - len(job.warnings)]]


def _row(
    unit: UnitOfWork, entry: Entry, columns: Mapping[str, Any], ids: Mapping[str, str], revision: int
) -> dict[str, Any]:
    parent = columns["parent_number"]
    return {
        **{name: value for name, value in columns.items() if name not in ("parent_number", "keys", "terms")},
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
