"""Comparing a chunk of an import with the directory: what it adds and changes, and what it closes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.referrals.directory.models import Resource
from services.referrals.directory.rules import Level, fingerprint_of
from services.referrals.directory.withheld import as_stated
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


@dataclass(frozen=True, slots=True)
class Comparison:
    """A chunk beside the directory: its rows by number, the known resources, what stands, and what is refused."""

    columns: Mapping[str, Any]
    known: Mapping[str, Known]
    standing: Sequence[Entry]
    orphans: Sequence[dict[str, Any]]
    plan: ImportPlan[Entry]


def compare(session: Session, source: str | None, entries: Sequence[Entry]) -> Comparison:
    """Compare these entries with the directory as it is."""
    columns = {entry.number: orjson.loads(entry.columns) for entry in entries}
    numbers = {
        number for row in columns.values() for number in (row["number"], row["parent_number"]) if number
    }
    known = _known(session, numbers)
    standing, orphans = _standing(entries, columns, known)
    plan = plan_import(_fingerprints(session, source, standing, known), standing)
    return Comparison(columns, known, standing, orphans, plan)


def _known(session: Session, numbers: set[str]) -> dict[str, Known]:
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
        for number, resource_id, level, fingerprint, status, version, edited_at in session.execute(statement)
    }


def _fingerprints(
    session: Session, source: str | None, entries: Sequence[Entry], known: Mapping[str, Known]
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
    for number, record in session.execute(records):
        said = [fingerprint_of(as_stated(record))]
        if may_be_ours:
            said.append(fingerprint_of({name: value for name, value in record.items() if name != "private"}))
        if incoming[number] in said:
            found[number] = incoming[number]
    return found


def _standing(
    entries: Sequence[Entry], columns: Mapping[str, Any], known: Mapping[str, Known]
) -> tuple[list[Entry], list[dict[str, Any]]]:
    """The entries whose agency exists, and the problems of the others."""
    orphans = []
    standing = []
    for entry in entries:
        parent = known.get(columns[entry.number]["parent_number"]) if entry.orphan else None
        if entry.orphan and (parent is None or parent.level != Level.AGENCY.value):
            orphans.append(orjson.loads(entry.orphan))
        else:
            standing.append(entry)
    return standing, orphans
