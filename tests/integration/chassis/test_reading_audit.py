"""Audit rows of readings: each is committed before its reading is answered, also in groups."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import Database
from services.chassis.reading_audit import ReadingAudit
from services.chassis.unit_of_work import audit_row, utc_now
from services.contracts.errors import Refused
from tests.support import toy
from tests.support.eventually import eventually
from tests.support.in_process import HARBOR, a_caller

Audit = toy.Base.chassis.Audit


class Killed(BaseException):
    """The error that ends a worker when its process stops."""


class Gate:
    """A database that stops the writer of a group before its transaction, and again before its commit.

    The writer continues when the test opens `entry` and `commit`. At `breaks_at` it raises `error` instead.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.groups = 0
        self.at_entry, self.entry = threading.Event(), threading.Event()
        self.at_commit, self.commit = threading.Event(), threading.Event()
        self.breaks_at: str | None = None
        self.error: BaseException = RuntimeError("the disk is full")

    def write(self, organisation_id: str | None, work: Callable[[Session], Any]) -> Any:
        self.groups += 1
        self.at_entry.set()
        assert self.entry.wait(10)
        self._break_at("entry")

        def stopped_before_its_commit(session: Session) -> Any:
            result = work(session)
            self.at_commit.set()
            assert self.commit.wait(10)
            self._break_at("commit")
            return result

        return self._database.write(organisation_id, stopped_before_its_commit)

    def _break_at(self, place: str) -> None:
        if self.breaks_at == place:
            self.breaks_at = None
            raise self.error


class Readings:
    """Concurrent readings by several people. `read(name)` is answered with the name once its audit row is committed."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.gate = Gate(database)
        self.audit = ReadingAudit(self.gate, toy.Base.chassis)  # type: ignore[arg-type]
        self.pool = ThreadPoolExecutor(8)

    def read(self, name: str) -> Future[str]:
        """Begin a reading. When this returns, it leads a group or has joined one."""
        before = len(self.audit._rows._waiting)
        future = self.pool.submit(self._read, name)
        eventually(lambda: self._assert_joined(before, future), every_s=0.005)
        return future

    def _assert_joined(self, before: int, future: Future[str]) -> None:
        assert len(self.audit._rows._waiting) > before or self.gate.at_commit.is_set() or future.done()

    def _read(self, name: str) -> str:
        context = wire.CallContext(wire.new_id(), correlation_id="test")
        row = audit_row(a_caller(), context, HARBOR, utc_now(), "thing.read", "thing", name, {})
        self.audit.write(row)
        return name

    def open(self) -> None:
        """Let every group through from now on."""
        self.gate.entry.set()
        self.gate.commit.set()

    def noted(self) -> list[str]:
        """The readings in the audit trail."""
        with self.database.reading(None) as session:
            return sorted(session.scalars(select(Audit.object_id)))


@pytest.fixture(params=["sqlite", "postgresql"])
def readings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Readings]:
    url = (
        f"sqlite:///{tmp_path}/toy.db"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_database")
    )
    database = Database(url)
    toy.Base.metadata.create_all(database.engine)
    readings = Readings(database)
    yield readings
    readings.open()
    readings.pool.shutdown()
    database.close()


def test_two_readings_at_once_are_committed_together_and_each_has_its_row(readings: Readings):
    first = readings.read("first")
    assert readings.gate.at_entry.wait(10)
    second = readings.read("second")
    readings.gate.entry.set()
    assert readings.gate.at_commit.wait(10)

    assert not first.done()
    assert not second.done()
    assert readings.noted() == []

    readings.gate.commit.set()
    assert (first.result(10), second.result(10)) == ("first", "second")
    assert readings.noted() == ["first", "second"]
    assert readings.gate.groups == 1


def test_whoever_comes_after_a_group_was_taken_is_in_the_next(readings: Readings):
    readings.gate.entry.set()
    first = readings.read("first")
    assert readings.gate.at_commit.wait(10)
    late = readings.pool.submit(readings._read, "late")
    eventually(lambda: _assert_waits(readings, 1))

    readings.gate.commit.set()

    assert (first.result(10), late.result(10)) == ("first", "late")
    assert readings.noted() == ["first", "late"]
    assert readings.gate.groups == 2


def test_a_commit_that_fails_fails_those_who_waited_for_it_and_nobody_else(readings: Readings):
    readings.gate.breaks_at = "commit"
    first = readings.read("first")
    assert readings.gate.at_entry.wait(10)
    second = readings.read("second")
    readings.gate.entry.set()
    assert readings.gate.at_commit.wait(10)
    late = readings.pool.submit(readings._read, "late")
    eventually(lambda: _assert_waits(readings, 1))

    readings.gate.commit.set()

    with pytest.raises(RuntimeError, match="disk"):
        first.result(10)
    with pytest.raises(Refused, match="service_unavailable"):
        second.result(10)
    assert late.result(10) == "late"
    assert readings.noted() == ["late"]


@pytest.mark.parametrize("error", [Refused("service_unavailable", "The database is busy."), Killed()])
def test_a_group_that_never_begins_is_refused_and_the_next_reading_is_noted(
    readings: Readings, error: BaseException
):
    """The database is busy, or the process stops while other readings wait for the leader of their group."""
    readings.gate.breaks_at, readings.gate.error = "entry", error
    first = readings.read("first")
    assert readings.gate.at_entry.wait(10)
    second = readings.read("second")

    readings.open()

    with pytest.raises(type(error)):
        first.result(10)
    with pytest.raises(Refused, match="service_unavailable"):
        second.result(10)
    assert readings.noted() == []
    assert readings.read("next").result(10) == "next"
    assert readings.noted() == ["next"]


def test_a_crowd_of_readings_has_one_row_each(readings: Readings):
    readings.open()
    names = sorted(f"thing-{number:03}" for number in range(200))

    assert sorted(readings.pool.map(readings._read, names)) == names

    assert readings.noted() == names


def _assert_waits(readings: Readings, count: int) -> None:
    assert len(readings.audit._rows._waiting) == count
