"""The events of a subject are counted in the order of their commits, and their time never goes backwards."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import Database
from services.chassis.unit_of_work import UnitOfWork
from tests.support import databases, toy
from tests.support.in_process import HARBOR

BED, ROOM = "b" * 32, "c" * 32


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Database]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/toy.db" if is_sqlite else request.getfixturevalue("postgres_database")
    database = databases.opened(url)
    toy.Base.metadata.create_all(database.engine)
    yield database
    database.close()


def unit_of(session: Session) -> UnitOfWork:
    return UnitOfWork(
        session,
        toy.Base.chassis,
        "toy",
        caller=None,
        context=wire.CallContext("request"),
        organisation_id=HARBOR[0],
        organisation_key=HARBOR[1],
    )


def publish(database: Database, *subjects: str, seconds_ago: int = 0) -> None:
    """One transaction that began some seconds ago, with an event of each subject."""

    def work(session: Session) -> None:
        unit = unit_of(session)
        unit.now -= datetime.timedelta(seconds=seconds_ago)
        for subject in subjects:
            unit.publish(toy.thing_added, subject, {"thing_id": subject})

    database.write(HARBOR[0], work)


def events(database: Database, subject: str) -> list[dict[str, Any]]:
    """The events of a subject in the order in which the relay sends them."""
    outbox = toy.Base.chassis.Outbox
    with database.reading(None) as session:
        bodies = [orjson.loads(each) for each in session.scalars(select(outbox.body).order_by(outbox.seq))]
    return [body for body in bodies if body["subject"] == subject]


def test_the_events_of_a_subject_are_counted_without_a_gap(database: Database) -> None:
    publish(database, BED, ROOM, BED)
    publish(database, ROOM)
    publish(database, BED)
    assert [each["subjectversion"] for each in events(database, BED)] == [1, 2, 3]
    assert [each["subjectversion"] for each in events(database, ROOM)] == [1, 2]


def test_what_began_earlier_and_was_committed_later_is_not_of_an_earlier_time(database: Database) -> None:
    publish(database, BED)
    publish(database, BED, ROOM, seconds_ago=60)
    publish(database, BED)
    first, second, third = (each["time"] for each in events(database, BED))
    assert first == second <= third
    assert events(database, ROOM)[0]["time"] < first


def test_a_transaction_that_is_rolled_back_takes_no_place(database: Database) -> None:
    def fail(session: Session) -> None:
        unit_of(session).publish(toy.thing_added, BED, {"thing_id": BED})
        raise LookupError

    publish(database, BED)
    with pytest.raises(LookupError):
        database.write(HARBOR[0], fail)
    publish(database, BED)
    assert [each["subjectversion"] for each in events(database, BED)] == [1, 2]


def test_those_who_publish_at_once_get_places_in_the_order_in_which_they_can_be_seen(
    database: Database,
) -> None:
    """No other lock keeps them apart. Their subjects come in opposite orders, and nobody waits for ever."""
    start = threading.Barrier(4)

    def repeat(subjects: tuple[str, str]) -> None:
        start.wait()
        for _ in range(10):
            publish(database, *subjects)

    threads = [threading.Thread(target=repeat, args=(pair,)) for pair in [(BED, ROOM), (ROOM, BED)] * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for subject in (BED, ROOM):
        found = events(database, subject)
        assert [each["subjectversion"] for each in found] == list(range(1, 41))
        times = [each["time"] for each in found]
        assert times == sorted(times)
