"""The relay publishes each event until the broker confirms it, in order for each aggregate."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from services.chassis import outbox as outbox_module
from services.chassis.database import Database
from services.chassis.outbox import BATCH, GATHERED_S, Relay, publish_again
from services.chassis.publisher import Outgoing
from services.chassis.unit_of_work import utc_now
from tests.support import toy
from tests.support.recorder import recorded

Outbox = toy.Base.chassis.Outbox
Published = toy.Base.chassis.Published


class FakePublisher:
    """Remembers published events. `failing` maps ids of events to their errors."""

    def __init__(self) -> None:
        self.is_connected = True
        self.arrived: list[str] = []
        self.batches: list[list[str]] = []
        self.bodies: list[bytes] = []
        self.failing: dict[str, str] = {}

    def send_all(self, messages: Sequence[Outgoing]) -> None:
        self.batches.append([message.message_id for message in messages])
        for message in messages:
            message.outcome = self.failing.get(message.message_id, "confirmed")
            if message.outcome == "confirmed":
                self.arrived.append(message.message_id)
                self.bodies.append(message.body)


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def relay(database: Database, publisher: FakePublisher) -> Relay:
    return Relay("toy", database, toy.Base.chassis, publisher, "https://portal.example.org/")  # type: ignore[arg-type]


def write(database: Database, *events: str) -> None:
    """Leave events in the outbox: "bed-1" is the first one of the aggregate `bed`."""
    database.write(
        None,
        lambda session: session.add_all(
            Outbox(
                event_id=event,
                aggregate=event.partition("-")[0],
                exchange="toy.events",
                routing_key="thing_added.v1.harbor",
                body=b'{"source": "/portico/toy", "dataschema": "/schemas/toy.thing_added.v1.json"}',
                created_at=utc_now(),
            )
            for event in events
        ),
    )


def waiting(database: Database) -> dict[str, int]:
    """Events in the outbox and how often each was tried."""
    with database.reading(None) as session:
        return {row.event_id: row.tries for row in session.scalars(select(Outbox))}


def test_what_waits_is_counted_once_a_second_and_not_in_every_round(
    relay: Relay, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.is_connected = False
    clock = SimpleNamespace(now=0.0)
    counted: list[float] = []
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("services.chassis.outbox.time", clock)
    monkeypatch.setattr(relay, "_measure", lambda: counted.append(clock.now))
    for clock.now in (100.0, 100.5, 100.75, 101.0, 101.5, 102.0):
        relay._sweep()
    assert counted == [100.0, 101.0, 102.0]


def test_what_is_confirmed_leaves_the_outbox(database: Database, relay: Relay, publisher: FakePublisher):
    write(database, "bed-1", "record-1")

    assert relay._sweep()

    assert publisher.arrived == ["bed-1", "record-1"]
    assert waiting(database) == {}


def test_a_published_event_names_the_installation_and_says_where_its_schema_is_served(
    database: Database, relay: Relay, publisher: FakePublisher
):
    write(database, "bed-1")

    relay._sweep()

    assert publisher.bodies == [
        (
            b'{"source":"https://portal.example.org/portico/toy",'
            b'"dataschema":"https://portal.example.org/schemas/toy.thing_added.v1.json"}'
        )
    ]


def test_an_event_is_a_span_of_the_trace_that_made_it_from_its_commit_until_the_broker_has_it(
    database: Database, relay: Relay, publisher: FakePublisher
):
    trace = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    write(database, "bed-1", "record-1")
    body = b'{"source": "/x", "dataschema": "/y", "type": "toy.v1", "time": "2026-01-01T00:00:00+00:00", "traceparent": "%b"}'
    with database.engine.begin() as connection:
        connection.execute(update(Outbox).values(body=body % trace.encode()))
    publisher.failing["record-1"] = "unroutable"

    with recorded() as spans:
        relay._sweep()

    assert {(each.kind, each.name, each.parent) for each in spans} == {("producer", "toy.v1", trace)}
    assert [each.ends for each in spans] == [[("confirmed", False)], [("unroutable", True)]]
    assert {each.started_at for each in spans} == {1767225600.0}


def test_events_of_one_aggregate_are_sent_one_after_the_other(
    database: Database, relay: Relay, publisher: FakePublisher
):
    write(database, "bed-1", "bed-2", "record-1", "bed-3")

    relay._sweep()

    assert publisher.batches == [["bed-1", "record-1"], ["bed-2"], ["bed-3"]]


@pytest.mark.parametrize("outcome", ["unknown", "refused", "unroutable"])
def test_what_does_not_get_through_holds_up_its_own_aggregate_only(
    database: Database, relay: Relay, publisher: FakePublisher, outcome: str
):
    write(database, "bed-1", "bed-2", "record-1", "record-2")
    publisher.failing["bed-1"] = outcome

    assert not relay._sweep()
    assert not relay._sweep()

    assert publisher.arrived == ["record-1", "record-2"]
    assert waiting(database) == {"bed-1": 2, "bed-2": 0}


def test_what_did_not_get_through_goes_first_later(
    database: Database, relay: Relay, publisher: FakePublisher
):
    write(database, "bed-1", "bed-2")
    publisher.failing["bed-1"] = "unknown"
    relay._sweep()
    publisher.failing.clear()

    assert relay._sweep()

    assert publisher.arrived == ["bed-1", "bed-2"]


def test_who_does_not_get_through_leaves_the_claims_and_tries_of_others_alone(
    database: Database, relay: Relay, publisher: FakePublisher
):
    write(database, "bed-1", "bed-2", "van-1")
    until = utc_now() + datetime.timedelta(hours=1)
    of_another = update(Outbox).where(Outbox.event_id == "van-1").values(claimed_until=until)
    database.write(None, lambda session: session.execute(of_another))
    publisher.failing = {"bed-1": "unknown"}
    relay._drain()
    assert waiting(database) == {"bed-1": 1, "bed-2": 0, "van-1": 0}
    with database.reading(None) as session:
        claimed = session.scalars(select(Outbox.event_id).where(Outbox.claimed_until.is_not(None)))
        assert list(claimed) == ["van-1"]


def test_what_comes_soon_after_a_batch_is_gathered_for_a_moment(
    database: Database, relay: Relay, monkeypatch: pytest.MonkeyPatch
):
    waits: list[float] = []
    now = [100.0]
    monkeypatch.setattr(outbox_module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(
        relay._loop,
        "stopping",
        SimpleNamespace(is_set=lambda: False, wait=waits.append),
    )
    for at in (100.0, 100.0, 100.0 + GATHERED_S / 4, 200.0):
        now[0] = at
        relay._drain()
    assert waits == pytest.approx([0.0, GATHERED_S, GATHERED_S * 3 / 4, 0.0])


def test_without_a_broker_nothing_is_tried(database: Database, relay: Relay, publisher: FakePublisher):
    write(database, "bed-1")
    publisher.is_connected = False

    assert relay._sweep()

    assert publisher.batches == []
    assert waiting(database) == {"bed-1": 0}


def test_a_long_outbox_is_sent_in_batches(database: Database, relay: Relay, publisher: FakePublisher):
    write(database, *(f"aggregate{number}-1" for number in range(BATCH + 1)))

    assert relay._sweep()

    assert [len(batch) for batch in publisher.batches] == [BATCH, 1]
    assert waiting(database) == {}


def history(database: Database) -> list[str]:
    with database.reading(None) as session:
        return list(session.scalars(select(Published.event_id).order_by(Published.seq)))


def again(database: Database, since: datetime.datetime) -> int:
    return database.write(None, lambda session: publish_again(session.connection(), toy.Base.chassis, since))


def test_published_events_are_published_again_in_order_and_before_what_waits(
    database: Database, relay: Relay, publisher: FakePublisher
):
    write(database, "bed-1", "record-1", "bed-2")
    relay._sweep()
    write(database, "bed-3")
    since = utc_now() - datetime.timedelta(minutes=1)
    assert again(database, since) == again(database, since) == 4
    publisher.arrived.clear()

    assert relay._sweep()

    assert sorted(publisher.arrived) == ["bed-1", "bed-2", "bed-3", "record-1"]
    assert [event for event in publisher.arrived if event.startswith("bed")] == ["bed-1", "bed-2", "bed-3"]
    assert sorted(history(database)) == ["bed-1", "bed-2", "bed-3", "record-1"]
    assert waiting(database) == {}


def test_what_waits_is_published_even_if_it_is_older_than_what_is_published_again(
    database: Database, relay: Relay, publisher: FakePublisher
):
    write(database, "bed-1")
    relay._sweep()
    write(database, "record-1")

    assert again(database, utc_now() + datetime.timedelta(minutes=1)) == 1

    assert waiting(database) == {"record-1": 0}
