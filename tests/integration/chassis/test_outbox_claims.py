"""With PostgreSQL several relays share an outbox: each event is claimed by one of them, and a claim ends."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import pytest
from sqlalchemy import select, update

from services.chassis.database import Database
from services.chassis.outbox import CLAIM_S, Relay
from services.chassis.publisher import Outgoing
from services.chassis.unit_of_work import utc_now
from tests.support import toy

Outbox = toy.Base.chassis.Outbox


class Publisher:
    """Remembers what was sent. `meanwhile()` runs while the broker is asked."""

    def __init__(self) -> None:
        self.is_connected = True
        self.sent: list[str] = []
        self.outcome = "confirmed"
        self.meanwhile = lambda: None

    def send_all(self, messages: Sequence[Outgoing]) -> None:
        for message in messages:
            self.sent.append(message.message_id)
            message.outcome = self.outcome
        self.meanwhile()


def a_relay(database: Database) -> tuple[Relay, Publisher]:
    publisher = Publisher()
    return Relay("toy", database, toy.Base.chassis, publisher, "https://portal.example.org/"), publisher  # type: ignore[arg-type]


def write(database: Database, *events: str) -> None:
    row = {
        "exchange": "toy.events",
        "routing_key": "x",
        "body": b'{"source": "/portico/toy", "dataschema": "/x"}',
        "created_at": utc_now(),
    }
    database.write(
        None, lambda session: session.add_all(Outbox(event_id=each, aggregate=each, **row) for each in events)
    )


def claims(database: Database) -> dict[str, tuple[bool, int]]:
    """For each event that waits: whether it is claimed, and how often it was tried."""
    with database.reading(None) as session:
        return {
            row.event_id: (row.claimed_until is not None, row.tries)
            for row in session.scalars(select(Outbox))
        }


def test_what_one_relay_sends_another_does_not(database: Database) -> None:
    (first, sent), (second, also_sent) = a_relay(database), a_relay(database)
    write(database, "one", "two")
    sent.meanwhile = lambda: second._drain() and None  # type: ignore[assignment, return-value]

    assert first._drain()

    assert (sent.sent, also_sent.sent) == (["one", "two"], [])
    assert claims(database) == {}


def test_what_one_relay_is_just_claiming_another_passes_over(database: Database) -> None:
    if database.is_sqlite:
        return  # its file has one relay
    write(database, "one", "two")
    (first, _), (second, _) = a_relay(database), a_relay(database)
    with database.reading(None) as session:
        claiming = first._heads.with_for_update().limit(1)
        (held,) = session.connection().execute(claiming, {"now": utc_now()})
        assert [row.event_id for row in second._claim()] == ["two"]
    assert held.event_id == "one"


def test_an_event_that_did_not_get_through_is_free_at_once(database: Database) -> None:
    relay, publisher = a_relay(database)
    write(database, "one")
    publisher.outcome = "unknown"

    assert not relay._drain()

    assert claims(database) == {"one": (False, 1)}
    other, sent = a_relay(database)
    assert other._drain()
    assert sent.sent == ["one"]


@pytest.mark.parametrize(("left_s", "is_taken"), [(-1, True), (CLAIM_S, False)])
def test_the_claim_of_a_relay_that_died_runs_out(database: Database, left_s: int, is_taken: bool) -> None:
    write(database, "one")
    until = utc_now() + datetime.timedelta(seconds=left_s)
    database.write(None, lambda session: session.execute(update(Outbox).values(claimed_until=until)))

    relay, publisher = a_relay(database)
    relay._drain()

    assert publisher.sent == (["one"] if is_taken else [])
