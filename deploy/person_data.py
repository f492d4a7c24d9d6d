"""`make person ARGS="ORGANISATION PERSON_ID FILE"`: everything that the services keep about one person, for who asks to see it.

It writes one JSON object a line: `service`, `table`, `row` (`services/chassis/person_rows.py` says which). It is the operation
`export_person` for an installation that does not run. Passwords, secrets and hashes are left out; files are named by their SHA-256.

Read it before you hand it out: notes may speak of others. The organisation's audit trail has a row of it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, create_engine, select

from deploy.migrate import SERVICES
from services.chassis.database import Database
from services.chassis.models import base_of
from services.chassis.person_rows import Person, rows_of
from services.chassis.personal_data import lines_of
from services.contracts.errors import Refused
from services.identity.organisations.operator import note_person_export


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
            found = rows_of(connection, base_of(service), Person(organisation_id, people, accounts))
        engine.dispose()
        file.writelines(lines_of(base_of(service), service, found))
        counts[service] = sum(map(len, found.values()))
        print(f"{service}: {counts[service]} rows of {len(found)} tables", file=log)
    return counts


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
