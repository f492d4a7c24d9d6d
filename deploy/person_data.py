"""`make person ARGS="ORGANISATION PERSON_ID FILE"`: everything that the services keep about one person, for who asks to see it.

It writes one JSON object a line: `service`, `table`, `row`. The tables follow from the models: rows that name the person or, where
they name nobody, one of the person's accounts, and the rows that hang on these by a foreign key. A row that names somebody else
is left out. So are passwords, secrets and hashes, and what was merged into the person is included. Files are named by their SHA-256.

Read it before you hand it out: notes may speak of others. The organisation's audit trail has a row of it.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import orjson
from sqlalchemy import ColumnElement, Connection, LargeBinary, Table, and_, create_engine, or_, select

from deploy.migrate import SERVICES
from services.chassis.database import Database
from services.chassis.models import base_of
from services.contracts.errors import Refused
from services.identity.organisations.operator import note_person_export

AT_ONCE = 200
_SECRET = re.compile(r"hash|secret|sealed|token|password")
# The same names and texts once more, in the form in which they are searched.
_FOR_SEARCH = {"person_names", "account_names", "contact_record_names", "queue_texts"}
# What a member of staff wrote to justify emergency access.
_OF_OTHERS = {("audit", "reason")}
Found = dict[str, list[dict[str, Any]]]


def write_all(
    urls: dict[str, str], organisation_id: str, person_id: str, file: IO[bytes], log: IO[str]
) -> dict[str, int]:
    """Write the person's rows of all services; returns how many of each service. `log` gets a line for each."""
    engine = create_engine(urls["identity"], hide_parameters=True)
    with engine.connect() as connection:
        people = _merged_into(connection, organisation_id, person_id)
        accounts = _accounts_of(connection, organisation_id, people)
    engine.dispose()
    counts = {}
    for service in SERVICES:
        engine = create_engine(urls[service], hide_parameters=True)
        with engine.connect() as connection:
            found = rows_of(connection, service, organisation_id, people, accounts)
        engine.dispose()
        for table, rows in found.items():
            for row in rows:
                file.write(orjson.dumps({"service": service, "table": table, "row": row}) + b"\n")
        counts[service] = sum(map(len, found.values()))
        print(f"{service}: {counts[service]} rows of {len(found)} tables", file=log)
    return counts


def rows_of(
    connection: Connection, service: str, organisation_id: str, people: Sequence[str], accounts: Sequence[str]
) -> Found:
    """A service's rows about these people of one organisation, by table."""
    found: Found = {}
    for table in base_of(service).metadata.sorted_tables:  # parents before children
        if "organisation_id" not in table.c or table.name in _FOR_SEARCH:
            continue
        rows = {
            tuple(row[key.name] for key in table.primary_key): row
            for condition in _conditions(table, people, accounts, found)
            for row in connection.execute(
                select(table).where(table.c.organisation_id == organisation_id, condition)
            ).mappings()
        }
        if rows:
            found[table.name] = [dict(row) for row in rows.values()]
    return {name: [_shown(service, name, row) for row in rows] for name, rows in found.items()}


def _conditions(
    table: Table, people: Sequence[str], accounts: Sequence[str], found: Found
) -> Iterator[ColumnElement[bool]]:
    """The conditions under which a row is about the people, each with a limited list of ids."""
    columns = table.c
    if table.name == "people":
        yield columns.id.in_(people)
    person = columns.get("person_id")
    if person is not None:
        yield person.in_(people)
    names_nobody = [] if person is None else [or_(person.is_(None), person.in_(people))]
    if "account_id" in columns:
        yield from (and_(columns.account_id.in_(some), *names_nobody) for some in _some(accounts))
    for key in table.foreign_keys:
        parents = [row[key.column.name] for row in found.get(key.column.table.name, ())]
        yield from (and_(key.parent.in_(some), *names_nobody) for some in _some(parents))


def _some(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]


def _shown(service: str, table: str, row: dict[str, Any]) -> dict[str, Any]:
    columns = base_of(service).metadata.tables[table].c
    return {
        name: value
        for name, value in row.items()
        if not (
            _SECRET.search(name) or (table, name) in _OF_OTHERS or isinstance(columns[name].type, LargeBinary)
        )
    }


def _merged_into(connection: Connection, organisation_id: str, person_id: str) -> list[str]:
    """The person and, step by step, those who were merged into the person and not taken out again."""
    tables = base_of("identity").metadata.tables
    people, merges = tables["people"], tables["person_merges"]
    own = select(people.c.id).where(people.c.id == person_id, people.c.organisation_id == organisation_id)
    known = list(connection.scalars(own))
    for each in known:
        merged = select(merges.c.merged_id).where(
            merges.c.organisation_id == organisation_id,
            merges.c.kept_id == each,
            merges.c.undone_at.is_(None),
        )
        known += [other for other in connection.scalars(merged) if other not in known]
    return known


def _accounts_of(connection: Connection, organisation_id: str, people: Sequence[str]) -> list[str]:
    accounts = base_of("identity").metadata.tables["accounts"]
    theirs = select(accounts.c.id).where(
        accounts.c.organisation_id == organisation_id, accounts.c.person_id.in_(people)
    )
    return list(connection.scalars(theirs))


def main(arguments: list[str]) -> int:
    """Write the file; returns 1 with one line where it does not work."""
    parser = argparse.ArgumentParser(
        prog="make person", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("organisation", help="its key")
    parser.add_argument("person", help="the person's id")
    parser.add_argument("file", type=Path, help="a new file, which only you can read")
    asked = parser.parse_args(arguments)
    urls = {service: os.environ[f"{service.upper()}_DATABASE_URL"] for service in SERVICES}
    database = Database(urls["identity"])
    try:
        organisation_id = note_person_export(
            database, organisation_key=asked.organisation, person_id=asked.person
        )
        descriptor = os.open(asked.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            write_all(urls, organisation_id, asked.person, file, sys.stdout)
    except Refused as error:
        print(f"make person: {error.detail}", file=sys.stderr)
        return 1
    except FileExistsError:
        print(f"make person: {asked.file} is there already; name a new file", file=sys.stderr)
        return 1
    finally:
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
