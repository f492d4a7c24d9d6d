"""A service's own database: SQLite (WAL, `BEGIN IMMEDIATE`) or PostgreSQL, chosen by URL.

Transactions are short and never open across the network; `no_network` is asserted by the clients of other services.
"""

from __future__ import annotations

import contextlib
import contextvars
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

from services.chassis.models import TenantScoped
from services.contracts.errors import Refused

T = TypeVar("T")
Row = TypeVar("Row", bound=Any)
# Statements that are kept compiled: about 50 KB each. Nine calls of ten need sixty of them; SQLAlchemy would keep 750.
STATEMENTS_KEPT = 150
LOCK_WAIT_S = (
    2.5  # a writer that waits longer answers 503, so that a request never hangs on a locked database
)
_RETRYABLE_STATES = {"40001", "40P01"}  # serialization failure, deadlock (PostgreSQL)

in_transaction: contextvars.ContextVar[bool] = contextvars.ContextVar("in_transaction", default=False)


class TransactionOpenAcrossNetworkError(AssertionError):
    """A call or a publish was tried inside a transaction. It is a fault in our code, never a user's."""


def assert_no_transaction() -> None:
    """Raise if this greenlet has a transaction open: nothing may cross the network then."""
    if in_transaction.get():
        raise TransactionOpenAcrossNetworkError


def insert_into(session: Session, table: Any) -> Any:
    """INSERT into a table in the words of the session's database: it takes `.on_conflict_do_nothing()` and the like.

    To be executed on `session.connection()`.
    """
    return (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(table)


def held_or_made(session: Session, model: type[Row], key: Mapping[str, Any], fresh: Mapping[str, Any]) -> Row:
    """The row with this key, locked until the transaction ends; made from `key` and `fresh` where there is none.

    Of two who would make it at once the second waits for the first, and finds what that one has written.
    """
    statement = insert_into(session, model.__table__).values(**key, **fresh).on_conflict_do_nothing()
    session.connection().execute(statement)
    row: Row = session.scalars(select(model).filter_by(**key).with_for_update()).one()
    return row


class Database:
    """Engine and sessions of one service in one process."""

    def __init__(self, url: str, pool_size: int = 20) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url, pool_size) if self.is_sqlite else _postgres_engine(url, pool_size)
        # SQLite has one writer. Waiting for it inside SQLite would stop the whole event loop, and a writer that yields
        # while another blocks would freeze the process: so writers queue here, where waiting is cooperative.
        self._writer = threading.Lock() if self.is_sqlite else None

    @contextlib.contextmanager
    def reading(self, organisation_id: str | None) -> Iterator[Session]:
        """A session that only reads, limited to one organisation (None: the service's own work across organisations)."""
        with self._session(organisation_id, self.engine) as session:
            yield session

    def fetch_one(self, statement: Any, parameters: Mapping[str, Any]) -> Any:
        """The only row of a statement built once over columns, None without one: for what every request asks.

        Without the ORM it costs a third; nothing but the statement itself limits it to an organisation.
        """
        with self.engine.connect() as connection:
            return connection.execute(statement, parameters).one_or_none()

    def write(self, organisation_id: str | None, work: Callable[[Session], T]) -> T:
        """Run `work` in one transaction and commit. Tried again when the database says that it lost a race.

        Raises Refused(service_unavailable) when the database stays locked or away.
        """
        ends_at = time.monotonic() + LOCK_WAIT_S
        for attempt in range(1000):
            with self._turn(ends_at):
                try:
                    return self._write_once(organisation_id, work)
                except OperationalError as error:
                    if not self._may_retry(error, attempt) or time.monotonic() > ends_at:
                        raise Refused(
                            "service_unavailable", "The database is busy.", retry_after_s=1
                        ) from error
            time.sleep(min(0.2, 0.01 * 2**attempt) * random.uniform(0.5, 1))  # noqa: S311 - jitter, not a secret
        raise Refused("service_unavailable", "The database is busy.", retry_after_s=1)

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
            raise Refused("service_unavailable", "The database is busy.", retry_after_s=1)
        try:
            yield
        finally:
            self._writer.release()

    def _may_retry(self, error: DBAPIError, attempt: int) -> bool:
        if self.is_sqlite:
            return "locked" in str(error.orig)
        return attempt < 5 and getattr(error.orig, "pgcode", None) in _RETRYABLE_STATES

    def is_ready(self) -> bool:
        """Whether a statement gets through."""
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
        # To open a file is quick, and each connection that is kept keeps a cache: a few for the usual load, the one used last first.
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
        # A cache of 256 KB: there are as many connections as calls at once, and the system caches the file for all of them.
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
        # A plain BEGIN that reads and then writes loses to any other writer; IMMEDIATE takes the write lock at once.
        is_write = connection.get_execution_options().get("portico_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")

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
    """A condition that many rows fulfil, and that says so to SQLite.

    Without statistics SQLite takes it that ten rows at most belong to one organisation, and answers `id IN (…)`, or which
    lines a referral has, by reading all of the organisation's rows. A fiftieth of the table is what it is told instead:
    then an index of the other conditions goes before, and one that begins with the organisation still before a scan.
    """

    inherit_cache = True
    type = NullType()  # a Boolean would be compared with 1, and no index found


@compiles(_OfOneOrganisation)
def _plainly(element: Any, compiler: Any, **more: Any) -> str:
    return str(compiler.process(element.clauses, **more))


@compiles(_OfOneOrganisation, "sqlite")
def _with_likelihood(element: Any, compiler: Any, **more: Any) -> str:
    return f"likelihood({compiler.process(element.clauses, **more)}, 0.02)"


@event.listens_for(Session, "do_orm_execute")
def _only_own_rows(state: ORMExecuteState) -> None:
    """Every statement over tenant tables is limited to the session's organisation. Not something a query can forget."""
    organisation_id = state.session.info.get("organisation_id")
    if organisation_id is None or state.is_column_load or state.is_relationship_load:
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
