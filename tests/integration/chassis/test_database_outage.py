"""A database that is away, or whose disk is full: every use is refused with Retry-After, and one line tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
from sqlalchemy import literal, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from structlog.testing import capture_logs

from services.chassis.availability import AWAY, BUSY, FULL, kind_of
from services.chassis.database import Database
from services.chassis.loop import Loop
from services.contracts.errors import Refused
from tests.support import toy
from tests.support.eventually import eventually

ONE = select(literal(1).label("one"))


class Server:
    """The server of a test's database: it can be told to let nobody in."""

    def __init__(self, url: str) -> None:
        self.name = make_url(url).database
        self._connection = psycopg2.connect(
            make_url(url)
            .set(database="postgres", drivername="postgresql")
            .render_as_string(hide_password=False)
        )
        self._connection.autocommit = True

    def execute(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def end_connections(self) -> None:
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}'")

    def go_away(self) -> None:
        self.execute(f'ALTER DATABASE "{self.name}" ALLOW_CONNECTIONS false')
        self.end_connections()

    def come_back(self) -> None:
        self.execute(f'ALTER DATABASE "{self.name}" ALLOW_CONNECTIONS true')

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def server(postgres_database: str) -> Iterator[Server]:
    server = Server(postgres_database)
    yield server
    server.come_back()
    server.close()


def read(database: Database) -> None:
    with database.reading(None) as session:
        session.get(toy.Thing, "t")


def fetch(database: Database) -> None:
    with database.fetching() as fetch_one:
        fetch_one(ONE, {})


def write(database: Database) -> None:
    database.write(None, lambda session: session.get(toy.Thing, "t"))


USES = (read, fetch, write)


@pytest.mark.fault("F8")
def test_every_use_of_a_database_that_is_away_is_refused_and_one_line_tells(
    database: Database, server: Server
) -> None:
    for use in USES:
        use(database)
    server.go_away()

    with capture_logs() as lines:
        for use in USES * 3:
            with pytest.raises(Refused) as refused:
                use(database)
            assert (refused.value.code, refused.value.more) == ("service_unavailable", {"retry_after_s": 2})
        assert not database.is_ready()
        server.come_back()
        for use in USES * 3:
            use(database)

    told = [line for line in lines if line["event"].startswith("database_")]
    assert [(line["event"], line["reason"]) for line in told] == [
        ("database_outage", AWAY),
        ("database_back", AWAY),
    ]


def test_a_connection_that_ends_within_a_transaction_is_refused(database: Database, server: Server) -> None:
    def lose(session: Any) -> None:
        session.get(toy.Thing, "t")
        server.end_connections()
        session.get(toy.Thing, "other")

    with pytest.raises(Refused) as refused:
        database.write(None, lose)
    assert refused.value.detail == "The database cannot be reached."
    with pytest.raises(Refused, match="service_unavailable"), database.reading(None) as session:
        lose(session)
    read(database)


def test_a_broken_rule_of_the_database_is_a_fault_and_no_outage(database: Database) -> None:
    thing = {"id": "t", "label": "x", "organisation_id": "a" * 32}
    database.write(None, lambda session: session.add(toy.Thing(**thing)))
    with pytest.raises(IntegrityError):
        database.write(None, lambda session: session.add(toy.Thing(**thing)))


def test_a_loop_waits_for_its_database_without_a_line_for_each_round(
    database: Database, server: Server
) -> None:
    rounds = []

    def work() -> bool:
        rounds.append(1)
        read(database)
        return True

    server.go_away()
    loop = Loop("reader", work, every_s=30.0)
    with capture_logs() as lines:
        loop.start()
        for at in range(1, 4):
            loop.wake()
            eventually(lambda at=at: _assert_rounds(rounds, at))  # type: ignore[misc]
        loop.stop()

    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["database_outage"]


def _assert_rounds(rounds: list[int], count: int) -> None:
    assert len(rounds) >= count


def test_a_full_disk_is_told_apart(tmp_path: Any) -> None:
    database = Database(f"sqlite:///{tmp_path}/toy.db")
    toy.Base.metadata.create_all(database.engine)

    def fill(session: Any) -> None:
        session.connection().exec_driver_sql("PRAGMA max_page_count = 10")
        session.add(toy.Thing(id="t", label="x" * 200_000, organisation_id="a" * 32))

    with pytest.raises(Refused) as refused:
        database.write(None, fill)
    assert refused.value.more == {"retry_after_s": 30}
    assert "full" in refused.value.detail
    database.close()


class _Original(Exception):
    def __init__(self, sqlite_errorname: str | None = None, pgcode: str | None = None) -> None:
        self.sqlite_errorname, self.pgcode = sqlite_errorname, pgcode


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ({"sqlite_errorname": "SQLITE_BUSY_SNAPSHOT"}, BUSY),
        ({"sqlite_errorname": "SQLITE_IOERR_FSYNC"}, AWAY),
        ({"sqlite_errorname": "SQLITE_FULL"}, FULL),
        ({"sqlite_errorname": "SQLITE_CONSTRAINT_UNIQUE"}, None),
        ({"sqlite_errorname": "SQLITE_ERROR"}, None),
        ({"pgcode": "08006"}, AWAY),
        ({"pgcode": "57P03"}, AWAY),
        ({"pgcode": "53100"}, FULL),
        ({"pgcode": "57014"}, BUSY),
        ({"pgcode": "23505"}, None),
    ],
)
def test_errors_are_told_apart_by_their_codes(names: dict[str, str], kind: str | None) -> None:
    assert kind_of(DBAPIError("SELECT", None, _Original(**names))) == kind
