"""Schema migrations of a service's database.

python -m services.chassis.migrate upgrade referrals            (address from REFERRALS_DATABASE_URL)
python -m services.chassis.migrate downgrade referrals 0007     (back to a revision; what newer ones added is deleted)
python -m services.chassis.migrate draft referrals "add site"   (writes the next numbered revision, to be read before it is kept)
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import Script
from sqlalchemy import (
    Column,
    Connection,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    String,
    Text,
    bindparam,
    column,
    create_engine,
    inspect,
    select,
    update,
)
from sqlalchemy import table as sa_table
from sqlalchemy.exc import DBAPIError

from services.chassis.availability import kind_of
from services.chassis.models import base_of

SERVICES = Path(__file__).resolve().parents[1]
ROWS_AT_ONCE = 100


def _configuration(service: str, connection: Any) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(SERVICES / "chassis" / "migrations"))
    configuration.set_main_option("version_locations", str(SERVICES / service / "migrations"))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    configuration.attributes["metadata"] = _metadata(service)
    return configuration


def _metadata(service: str) -> Any:
    return base_of(service).metadata


def upgrade(service: str, url: str, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`."""
    engine = create_engine(url, hide_parameters=True)
    with engine.connect() as connection:
        command.upgrade(_configuration(service, connection), revision)
    engine.dispose()


def downgrade(service: str, url: str, revision: str = "base") -> None:
    """Take the database back to `revision`."""
    engine = create_engine(url, hide_parameters=True)
    with engine.connect() as connection:
        command.downgrade(_configuration(service, connection), revision)
    engine.dispose()


def add_columns(table: str, *columns: Column[Any]) -> None:
    """Add those of the columns that are not there. An interrupted migration that fills rows begins anew with its next start."""
    there = {each["name"] for each in inspect(op.get_bind()).get_columns(table)}
    for each in columns:
        if each.name not in there:
            op.add_column(table, each)


def has_table(name: str) -> bool:
    """Whether an interrupted migration has made the table already."""
    return bool(inspect(op.get_bind()).has_table(name))


def create_names(table: str, owners: str) -> None:
    """Make the table of the words of names (`services.chassis.names`) of these owners, unless it is there."""
    if not has_table(table):
        bytewise = Text().with_variant(Text(collation="C"), "postgresql")
        op.create_table(
            table,
            Column("owner_id", String(32), nullable=False),
            Column("organisation_id", String(32), nullable=False),
            Column("words", bytewise, nullable=False),
            Column("part", String(10), nullable=False),
            ForeignKeyConstraint(["owner_id"], [f"{owners}.id"], name=op.f(f"fk_{table}_owner_id_{owners}")),
            PrimaryKeyConstraint("owner_id", "words", "part", name=op.f(f"pk_{table}")),
        )
    columns = ["organisation_id", "words", "owner_id"]
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns, if_not_exists=True)


def replace_index(name: str, table: str, columns: Sequence[Any] | None) -> None:
    """Make an index anew, or only delete it. Concurrently, so that PostgreSQL lets others write meanwhile.

    An index that PostgreSQL had begun to make when the migration was interrupted is not valid, so it is never kept.
    """
    op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
    if columns is not None:
        op.create_index(name, table, list(columns), postgresql_concurrently=True)


def fill(
    connection: Connection, table: str, read: Sequence[str], fresh: Callable[[Any], Mapping[str, Any] | None]
) -> None:
    """Write values of new columns into the rows that there are: `fresh` makes them of a row's `id` and its columns `read`.

    Each hundred rows is a transaction of its own, so that the service goes on meanwhile. To be called within Alembic's
    `autocommit_block()`. `fresh` gives None for a row that stays as it is.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    names = ["id", *read]
    rows = sa_table(table, *map(column, names)).c
    statement = select(*rows).where(rows.id > bindparam("after")).order_by(rows.id).limit(ROWS_AT_ONCE)
    if not is_sqlite:
        statement = statement.with_for_update()
    after = ""
    while True:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_sqlite else "BEGIN")
        found = connection.execute(statement, {"after": after}).all()
        for row in found:
            values = fresh(row)
            if values is not None:
                written = sa_table(table, column("id"), *map(column, values))
                connection.execute(update(written).where(written.c.id == row.id).values(dict(values)))
        connection.exec_driver_sql("COMMIT")
        if not found:
            return
        after = found[-1].id


def is_declared(name: str | None, kind: str, _parents: Any) -> bool:
    """Whether code declares what has this name. SQLite's full-text tables (`fts_…`) are declared by migrations only."""
    return kind != "table" or not (name or "").startswith("fts_")


def differences(service: str, url: str) -> list[Any]:
    """The differences between the tables in code and the migrated database.

    SQLite does not report the expressions of an index, so such indexes are compared in PostgreSQL only.
    """
    engine = create_engine(url, hide_parameters=True)
    with engine.connect() as connection, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*expression-based index")
        options = {"compare_type": True, "include_name": is_declared}
        context = MigrationContext.configure(connection, opts=options)
        found: list[Any] = compare_metadata(context, _metadata(service))
    engine.dispose()
    return found


def draft(service: str, message: str) -> Path | None:
    """Write the next revision from the differences between tables in code and migrations; None without any.

    The comparison uses a new SQLite database. It takes a renamed column for a removed and an added one, and moves no data:
    review the revision.
    """
    folder = SERVICES / service / "migrations"
    number = f"{int(max(path.name[:4] for path in folder.glob('[0-9]*.py'))) + 1:04d}"
    with tempfile.TemporaryDirectory(prefix="portico-draft-") as place:
        url = f"sqlite:///{place}/{service}.db"
        upgrade(service, url)
        engine = create_engine(url, hide_parameters=True)
        with engine.begin() as connection:
            configuration = _configuration(service, connection)
            configuration.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            script = command.revision(
                configuration,
                message=message,
                autogenerate=True,
                rev_id=number,
                version_path=str(folder),
                process_revision_directives=_drop_if_empty,
            )
        engine.dispose()
    return Path(script.path) if isinstance(script, Script) else None


def _drop_if_empty(_context: Any, _revision: Any, directives: list[Any]) -> None:
    if directives[0].upgrade_ops.is_empty():
        directives.clear()


def main(arguments: list[str]) -> int:
    """Bring a database up to date, take it back, or draft a revision."""
    match arguments:
        case ["upgrade", service]:
            return _at(service, lambda url: upgrade(service, url))
        case ["downgrade", service, revision] if revision in _revisions(service):
            return _at(service, lambda url: downgrade(service, url, revision))
        case ["downgrade", service, _]:
            known = ", ".join(_revisions(service)) or "none, because there is no such service"
            sys.stderr.write(f"A service and one of its revisions are expected; {service} has: {known}\n")
            return 2
        case ["draft", service, message] if service and message:
            path = draft(service, message)
            sys.stdout.write(
                f"{path}\n" if path else f"The migrations of {service} make all tables of its models.\n"
            )
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


def _revisions(service: str) -> list[str]:
    """The numbers of a service's revisions, oldest first."""
    if not service.isidentifier():
        return []
    return sorted(path.name[:4] for path in (SERVICES / service / "migrations").glob("[0-9]*.py"))


def _at(service: str, work: Callable[[str], None]) -> int:
    """Run the work on the service's database; returns 1 where that cannot be used, with one line."""
    name = f"{service.upper()}_DATABASE_URL"
    try:
        work(os.environ[name])
    except DBAPIError as error:
        outage = kind_of(error)
        if outage is None:
            raise
        # The driver's own words name host and user, and never the password.
        sys.stderr.write(f"{name}: the database is {outage}: {' '.join(str(error.orig).split())}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
