"""A service's own database: SQLite (WAL, `BEGIN IMMEDIATE`) or PostgreSQL, chosen by URL.

Transactions are short and never open across the network; whatever calls the network asserts that (`assert_no_transaction`).
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import itertools
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, TypeVarTuple

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Engine,
    Select,
    String,
    and_,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

from services.chassis.availability import BUSY, Availability, is_lost_race, refusal_of
from services.chassis.models import TenantScoped

T = TypeVar("T")
Columns = TypeVarTuple("Columns")
Row = TypeVar("Row", bound=Any)
# How many compiled statements are kept, about 50 KB each. Sixty serve nine calls of ten; SQLAlchemy would keep 750.
STATEMENTS_KEPT = 100
SWEPT_AT_ONCE = 200
LOCK_WAIT_S = 2.5  # after a longer wait a writer answers 503, so that no request hangs on a locked database

in_transaction: contextvars.ContextVar[bool] = contextvars.ContextVar("in_transaction", default=False)


def begins_with(column: Any, beginning: str) -> ColumnElement[bool]:
    """The condition that a BytewiseText begins with this text, which is not empty. An index on the column serves it."""
    return and_(column >= beginning, column < beginning + chr(sys.maxunicode))


class TransactionOpenAcrossNetworkError(AssertionError):
    """Code tried to use the network inside a transaction. This is always a fault in our code."""


def assert_no_transaction() -> None:
    """Raise if this greenlet has an open transaction, during which it may not use the network."""
    if in_transaction.get():
        raise TransactionOpenAcrossNetworkError


def insert_into(dialect: str, table: Any) -> Any:
    """An INSERT in a database's dialect, which has `.on_conflict_do_update()` and the like.

    `dialect` is `session.connection().dialect.name`; execute the statement on that connection.
    """
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def insert_unless_there(session: Session, table: Any, values: Mapping[str, Any]) -> bool:
    """Insert a row unless its key or another unique value of it exists; returns whether it was inserted.

    A second transaction with the same key waits in PostgreSQL until the first has ended.
    """
    connection = session.connection()
    statement = _insert_unless_there(connection.dialect.name, table)
    return bool(connection.execute(statement, values).rowcount == 1)


@functools.cache
def _insert_unless_there(dialect: str, table: Any) -> Any:
    # Built once for each table: building a statement takes several times as long as executing it.
    return insert_into(dialect, table).on_conflict_do_nothing()


def held_or_made(session: Session, model: type[Row], key: Mapping[str, Any], fresh: Mapping[str, Any]) -> Row:
    """The row with this key, locked until the transaction ends. Without one, it is made from `key` and `fresh`.

    When two transactions would make it at once, the second waits for the first and finds the row of the first.
    """
    insert_unless_there(session, model.__table__, {**key, **fresh})
    row: Row = session.scalars(select(model).filter_by(**key).with_for_update()).one()
    return row


def hold_counter(session: Session, *key: str) -> None:
    """Whoever counts by this key waits until this transaction has ended, so that a limit holds for those who race for it.

    Call it before counting. SQLite has one writer at a time. In PostgreSQL it is an advisory lock, which serves those who
    wait in their order; two keys may by chance be one lock, which costs a wait and nothing else.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(_HOLD_COUNTER, {"counter": ":".join(key)})


_HOLD_COUNTER = select(
    func.pg_advisory_xact_lock(
        func.hashtextextended(bindparam("counter", type_=String()), literal_column("0"))
    )
)


def built_once(statement: Select[*Columns]) -> Select[*Columns]:
    """A SELECT of objects that a module keeps, for sessions of an organisation: `session.execute(statement, parameters)`.

    The limit to the organisation's rows is part of the statement, so that no execution needs to copy it. In a session
    without organisation it fails.
    """
    return statement.options(_OWN_ROWS)


class Prepared:
    """A SELECT that is built once, with named parameters, and answers with plain rows.

    In a session of an organisation it is limited to that organisation's rows, like every other statement. It costs a
    tenth of the same query built anew and loaded into objects. Its rows are read-only.
    """

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self._of_all = statement
        self._of_one = built_once(statement)

    def execute(self, session: Session, **parameters: Any) -> CursorResult[Any]:
        """Flush the session, then execute; the result."""
        session.flush()
        organisation_id = session.info.get("organisation_id")
        if organisation_id is None:
            return session.connection().execute(self._of_all, parameters)
        return session.connection().execute(self._of_one, {**parameters, _ORGANISATION: organisation_id})


class PreparedInsert:
    """An INSERT into one model's table that is built once. Rows of a tenant table get the session's organisation."""

    def __init__(self, model: type[Any]) -> None:
        self._statement = insert(model.__table__).inline()
        self._is_tenant_table = issubclass(model, TenantScoped)

    def execute(self, session: Session, *rows: Mapping[str, Any]) -> None:
        """Flush the session, then insert these rows."""
        session.flush()
        organisation_id = session.info.get("organisation_id")
        values = [dict(row) for row in rows]
        if self._is_tenant_table and organisation_id is not None:
            for row in values:
                if row.setdefault("organisation_id", organisation_id) != organisation_id:
                    raise AssertionError("a row of another organisation was about to be written")
        session.connection().execute(self._statement, values)


FetchOne = Callable[[Any, Mapping[str, Any]], Any]


class Database:
    """Engine and sessions of one service in one process."""

    def __init__(self, url: str, pool_size: int = 20) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url, pool_size) if self.is_sqlite else _postgres_engine(url, pool_size)
        # SQLite admits one writer. Waiting inside SQLite would stop the whole event loop; if the writer had yielded, the
        # process would freeze. So writers queue here, where waiting is cooperative.
        self._writer = threading.Lock() if self.is_sqlite else None
        self._availability = Availability()

    @contextlib.contextmanager
    def reading(self, organisation_id: str | None) -> Iterator[Session]:
        """A session that only reads, limited to one organisation (None: the service's own work across organisations).

        Raises Refused(service_unavailable) when the database cannot be used.
        """
        with self._refusing(), self._session(organisation_id, self.engine) as session:
            yield session

    @contextlib.contextmanager
    def fetching(self) -> Iterator[FetchOne]:
        """Fetches the only row, or None, of prebuilt statements over columns. Meant for queries of every request.

        Bypassing the ORM, it costs a third. Only the statement itself can limit it to an organisation. Raises
        Refused(service_unavailable) when the database cannot be used.
        """
        with self._refusing(), self.engine.connect() as connection:
            yield lambda statement, parameters: connection.execute(statement, parameters).one_or_none()

    def write(self, organisation_id: str | None, work: Callable[[Session], T]) -> T:
        """Run `work` in one transaction and commit. It is tried again when the database reports a lost race.

        Other greenlets run first, so that a loop of small transactions never holds the process.
        Raises Refused(service_unavailable) when the database stays locked, is away, or its disk is full.
        """
        time.sleep(0)  # SQLite yields nowhere by itself
        ends_at = time.monotonic() + LOCK_WAIT_S
        with self._refusing(), self._turn(ends_at):
            for attempt in itertools.count():
                try:
                    return self._write_once(organisation_id, work)
                except OperationalError as error:
                    if not self._may_retry(error, attempt) or time.monotonic() > ends_at:
                        raise
                # SQLite: the turn is kept meanwhile, so that only one writer asks a locked file, and the loop goes on.
                time.sleep(min(0.2, 0.01 * 2**attempt) * random.uniform(0.5, 1))  # noqa: S311 - jitter, not a secret
        raise AssertionError  # the loop ends by a return or an error

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, NoConnectionFree) as error:
            refusal = self._availability.refusal(error)
            if refusal is None:
                raise
            raise refusal from error
        self._availability.works()

    def sweep(self, model: type[Any], *conditions: Any) -> int:
        """Delete the rows for which the conditions hold, SWEPT_AT_ONCE in a transaction, so that none takes long.

        Returns how many.
        """
        table: Any = model.__table__
        keys = list(table.primary_key.columns)
        found = select(*keys).where(*conditions).limit(SWEPT_AT_ONCE)
        one = delete(table).where(*(key == bindparam(f"old_{key.name}") for key in keys))

        def delete_some(session: Session) -> int:
            rows = [
                {f"old_{name}": value for name, value in row.items()}
                for row in session.execute(found).mappings()
            ]
            if rows:
                session.connection().execute(one, rows)
            return len(rows)

        with self.reading(None) as session:
            is_due = session.execute(found.limit(1)).first() is not None
        deleted = 0
        while is_due:
            count = self.write(None, delete_some)
            deleted += count
            is_due = count == SWEPT_AT_ONCE
        return deleted

    def _write_once(self, organisation_id: str | None, work: Callable[[Session], T]) -> T:
        with self._session(organisation_id, self.engine.execution_options(portico_write=True)) as session:
            result = work(session)
            session.commit()
            return result

    @contextlib.contextmanager
    def _session(self, organisation_id: str | None, engine: Engine) -> Iterator[Session]:
        token = in_transaction.set(True)
        session = Session(
            engine, expire_on_commit=False, autoflush=True, info={"organisation_id": organisation_id}
        )
        try:
            yield session
        finally:
            session.close()
            in_transaction.reset(token)

    @contextlib.contextmanager
    def _turn(self, ends_at: float) -> Iterator[None]:
        if self._writer is None:
            yield
            return
        if not self._writer.acquire(timeout=max(0.0, ends_at - time.monotonic())):
            raise refusal_of(BUSY)
        try:
            yield
        finally:
            self._writer.release()

    def _may_retry(self, error: DBAPIError, attempt: int) -> bool:
        return (self.is_sqlite or attempt < 5) and is_lost_race(error)

    def is_ready(self) -> bool:
        """Whether the database answers a statement."""
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
            return True
        except DBAPIError:
            return False

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _sqlite_engine(url: str, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        # Opening a file is quick, and every open connection holds a cache. So few are kept, and the one used last goes first.
        pool_size=min(pool_size, 6),
        pool_use_lifo=True,
        max_overflow=100,
        hide_parameters=True,
        query_cache_size=STATEMENTS_KEPT,
        connect_args={"check_same_thread": False, "timeout": 0.05},
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves
        # 256 KB of cache suffice: each concurrent call has a connection, and the operating system caches the file for all.
        pragmas = (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=50",
            "cache_size=-256",
        )
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # After a plain BEGIN, a transaction that reads and then writes fails if another one writes in between. IMMEDIATE
        # takes the write lock at once.
        is_write = connection.get_execution_options().get("portico_write", False)
        # Sent through the driver: SQLAlchemy would build a statement and a result, which takes longer than the BEGIN.
        words = "BEGIN IMMEDIATE" if is_write else "BEGIN"
        try:
            connection.connection.driver_connection.execute(words)
        except sqlite3.OperationalError as error:
            raise OperationalError(words, None, error) from error

    return engine


def _postgres_engine(url: str, pool_size: int) -> Engine:
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=100,
        pool_pre_ping=True,
        hide_parameters=True,
        query_cache_size=STATEMENTS_KEPT,
        connect_args={
            "connect_timeout": 3,
            "options": "-c lock_timeout=2500 -c statement_timeout=20000 -c idle_in_transaction_session_timeout=5000",
        },
    )


class _OfOneOrganisation(FunctionElement[Any]):
    """A condition that tells SQLite how many rows it holds for.

    Without statistics SQLite assumes that at most ten rows belong to one organisation. It then answers `id IN (…)` by
    reading all of the organisation's rows. Told that an organisation has a fiftieth of the table, it prefers an index of
    the other conditions, and still prefers an index that begins with the organisation to a scan.
    """

    inherit_cache = True
    type = NullType()  # SQLAlchemy would compare a Boolean with 1, which no index serves


@compiles(_OfOneOrganisation)
def _plainly(element: Any, compiler: Any, **more: Any) -> str:
    return str(compiler.process(element.clauses, **more))


@compiles(_OfOneOrganisation, "sqlite")
def _with_likelihood(element: Any, compiler: Any, **more: Any) -> str:
    return f"likelihood({compiler.process(element.clauses, **more)}, 0.02)"


def of_organisation(column: Any, organisation_id: str) -> Any:
    """The condition that a row is one of this organisation, for statements past the models."""
    return _OfOneOrganisation(column == organisation_id)


# Each execution has to give the organisation as a parameter: a statement without it fails.
_ORGANISATION = "organisation_of_session"
_ORGANISATION_GIVEN = bindparam(_ORGANISATION, type_=String())
_OWN_ROWS = with_loader_criteria(
    TenantScoped,
    lambda table: _OfOneOrganisation(table.organisation_id == _ORGANISATION_GIVEN),
    include_aliases=True,
)


@event.listens_for(Session, "do_orm_execute")
def _only_own_rows(state: ORMExecuteState) -> None:
    """Limit every statement over tenant tables to the session's organisation, so that no query can forget to."""
    organisation_id = state.session.info.get("organisation_id")
    if organisation_id is None or state.is_column_load:
        return
    given = state.parameters or {}
    if state.is_select and isinstance(given, Mapping):
        # A prebuilt statement has the limit already, and the load of a relationship inherits it from its parent.
        if _OWN_ROWS not in state.statement._with_options:  # noqa: SLF001 - SQLAlchemy has no public way to ask
            state.statement = state.statement.options(_OWN_ROWS)
        state.parameters = {**given, _ORGANISATION: organisation_id}
        return
    state.statement = state.statement.options(
        with_loader_criteria(
            TenantScoped,
            lambda table: _OfOneOrganisation(table.organisation_id == organisation_id),
            include_aliases=True,
            track_closure_variables=True,
        )
    )


@event.listens_for(Session, "before_flush")
def _stamp_organisation(session: Session, _context: Any, _instances: Any) -> None:
    organisation_id = session.info.get("organisation_id")
    if organisation_id is None:
        return
    for row in (*session.new, *session.dirty):
        if isinstance(row, TenantScoped):
            if row.organisation_id is None:
                row.organisation_id = organisation_id
            elif row.organisation_id != organisation_id:
                raise AssertionError("a row of another organisation was about to be written")
