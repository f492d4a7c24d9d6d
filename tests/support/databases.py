"""Databases for services in this process: migrated once a run, and copied for each test.

Gotchas
- A copy has the schema that the migrations make. Tests of the migrations themselves (of data, and of downgrades) use
  `services.chassis.migrate` on an empty database.
- No commit waits for the disk. A test of a crash of the machine opens a `Database` instead.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import psycopg2
from alembic.runtime.migration import MigrationContext
from psycopg2 import sql
from sqlalchemy import URL, Dialect, create_engine, event, make_url
from sqlalchemy.pool import NullPool

from services.chassis import migrate
from services.chassis.database import Database
from tests.support import sharing

_COMPILED: dict[Any, Any] = {}
_DIALECTS: dict[type[Dialect], Dialect] = {}


def opened(url: str) -> Database:
    """The database as a service opens it, except that SQLite does not wait for the disk and compiled statements are shared.

    SQLAlchemy keeps compiled statements by engine and dialect. A service has one of each. Here every test has its own, and
    would spend more than half of its time compiling the same statements as the test before it.
    """
    database = Database(url)
    engine = database.engine
    if database.is_sqlite:
        event.listen(engine, "connect", _without_waiting)
    engine.dialect = _DIALECTS.setdefault(type(engine.dialect), engine.dialect)
    engine.update_execution_options(compiled_cache=_COMPILED)
    return database


def _without_waiting(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def migrated(service: str, url: str) -> None:
    """Migrate the database. One that does not exist becomes a copy of one that is migrated already."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        file = Path(str(address.database))
        if not file.exists():
            shutil.copy(_empty_file(service), file)
            return
    elif not _exists(str(address.database), address):
        _copy_database(_empty_database(service, address.set(database="postgres")), address)
        return
    if _revision(url) != _newest(service):
        migrate.upgrade(service, url)


@functools.cache
def _newest(service: str) -> str:
    return _revision(f"sqlite:///{_empty_file(service)}")


def _revision(url: str) -> str:
    """The revision of a database; empty without one."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite":
        return _revision_of_file(str(address.database))
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def _revision_of_file(file: str) -> str:
    """The same without Alembic, which takes more time than most tests."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        try:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return ""
        return str(found[0]) if found else ""


@functools.cache
def _folder() -> Path:
    """The folder of the migrated files: that of all workers, or one of this process."""
    shared = sharing.folder()
    if shared is not None:
        return shared
    folder = Path(tempfile.mkdtemp(prefix="portico-empty-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def _empty_file(service: str) -> Path:
    file = _folder() / f"{service}.db"
    with sharing.one_at_a_time(file.with_suffix(".lock")):
        if not file.exists():
            unfinished = file.with_suffix(".unfinished")
            migrate.upgrade(service, f"sqlite:///{unfinished}")
            # A service sets this for each new database, and waits for the disk.
            connection = sqlite3.connect(unfinished)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.close()
            unfinished.rename(file)
    return file


@functools.cache
def _empty_database(service: str, cluster: URL) -> str:
    """The name of a migrated database in this cluster. It is deleted with the cluster."""
    name = f"empty_{service}"
    with sharing.one_at_a_time(_folder() / f"{name}.lock"):
        if not _exists(name, cluster):
            _execute(cluster, sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
            migrate.upgrade(service, cluster.set(database=name).render_as_string(hide_password=False))
    return name


def _copy_database(template: str, address: URL) -> None:
    # To copy the files takes half the time of writing every page to the log, and a server that does not wait for the disk
    # makes the checkpoints, which this needs, at once.
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    name = sql.Identifier(str(address.database))
    _execute(address, statement.format(name, sql.Identifier(template)))


def _exists(name: str, address: URL) -> bool:
    statement = sql.SQL("SELECT 1 FROM pg_database WHERE datname = {}").format(sql.Literal(name))
    return bool(_execute(address, statement))


def _execute(address: URL, statement: sql.Composable) -> list[tuple[Any, ...]]:
    """Run a statement in the cluster's database `postgres`."""
    connection = psycopg2.connect(
        host=address.host,
        port=address.port,
        user=address.username,
        password=address.password,
        dbname="postgres",
    )
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()
