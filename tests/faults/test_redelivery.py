"""F14: a broker that delivers every event three times and in any order leaves what one orderly delivery leaves."""

from __future__ import annotations

import datetime
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from marshmallow import fields
from sqlalchemy import DateTime, TypeDecorator, select

from services.chassis import wire
from services.chassis.models import base_of
from services.contracts.catalogue import CONTRACTS
from services.contracts.declare import Event
from services.contracts.fields import Code, Count, Flag, Id, Ids, Moment, RecordNumber, TimeZone
from services.contracts.identity import accounts, audit, personal_data, recipients
from services.contracts.portals import appointments
from services.contracts.referrals import assignments, capacity
from services.referrals.capacity.models import Line
from services.referrals.models import Referral, StatusChange
from tests.integration.referrals.builders import Desk
from tests.support.in_process import HARBOR, InProcess
from tests.support.merged_people import MergedPeople

TIMES = 3
SHORT, LONG = 120, 5000
ACCOUNTS = ["1" * 32, "2" * 32]
# Ids and times differ in every run.
BY_CHANCE = {"id", "message_id", "correlation_id"}
SOON = datetime.datetime(2099, 3, 4, 5, 0, tzinfo=datetime.UTC)
APPOINTMENT = {
    "person_id": "3" * 32,
    "version": 4,
    "state": "booked",
    "starts_at": SOON,
    "ends_at": SOON,
    "place": "Harbor",
    "time_zone": "Europe/Berlin",
    "is_due_again": False,
}
LISTENERS = ("notifications", "portals")

News = tuple[Event, dict[str, Any], str]


def a_value(field: fields.Field[Any], chance: random.Random) -> Any:
    """A valid value of an event's field."""
    makers: dict[type, Callable[[], Any]] = {
        Id: lambda: f"{chance.getrandbits(128):032x}",
        Ids: lambda: [f"{chance.getrandbits(128):032x}" for _ in range(3)],
        Code: lambda: (
            "invitation"
        ),  # what a code may say is each event's own; this one a credential's purpose
        RecordNumber: lambda: f"CR-{chance.randrange(10**8):08d}",
        Moment: lambda: "2026-03-04T05:06:07+00:00",
        Count: lambda: chance.randrange(9),
        Flag: lambda: chance.random() < 0.5,
        TimeZone: lambda: chance.choice(("America/New_York", "Europe/Berlin")),
    }
    return makers[type(field)]()


def news_for(service: InProcess, count: int) -> list[News]:
    """So many events that the service listens to, about equally many of each kind."""
    chance = random.Random(14)
    heard = [
        event
        for contract in CONTRACTS
        for event in contract.events.values()
        if hasattr(service.module.Service, f"on_{event.name}")
    ]
    assert heard
    return [
        (event, {name: a_value(field, chance) for name, field in event.schema.fields.items()}, wire.new_id())
        for event in (heard * (count // len(heard) + 1))[:count]
    ]


def a_listener(name: str, folder: Path) -> InProcess:
    """A service that listens, and what identity answers to it."""
    folder.mkdir()
    settings = {"mail_domain": "portico.example"}
    service = InProcess(name, f"sqlite:///{folder / 'x.db'}", folder, **settings)
    wanted = {
        "organisation_name": "Harbor",
        "recipients": [{"account_id": each, "email_is_verified": True} for each in ACCOUNTS],
    }
    for operation in (accounts.list_resource_recipients, audit.list_audit_readers):
        service.answers[operation.address] = lambda _: wanted
    people = {"persons": wanted["recipients"], "supervisors": wanted["recipients"]}
    service.answers[recipients.list_person_recipients.address] = lambda _: people
    service.answers[appointments.describe_appointment.address] = lambda _: APPOINTMENT
    service.answers[personal_data.describe_personal_data_job.address] = an_order
    MergedPeople().answer(service)
    return service


def an_order(request: Any) -> dict[str, Any]:
    """Every other one erases. It is about somebody whom no event names, since what is erased is gone whatever comes later."""
    kind = "erasure" if int(request["job_id"], 16) % 2 else "export"
    return {"kind": kind, "person_ids": ["0" * 32], "account_ids": []}


def as_a_bad_broker(news: list[News]) -> list[News]:
    """Each event three times, in any order."""
    shuffled = news * TIMES
    random.Random(41).shuffle(shuffled)
    return shuffled


def hand_over(service: InProcess, news: list[News]) -> None:
    for event, data, event_id in news:
        # An event about an organisation comes from it.
        own = data.get("organisation_id")
        organisation = (own, f"organisation-{own[:12]}") if own else HARBOR
        service.deliver(event, data, organisation=organisation, event_id=event_id)


def rows(service: InProcess) -> dict[str, list[str]]:
    """Every row of the service's tables, without random values."""
    base = base_of(service.runtime.service)
    with service.database.reading(None) as session:
        return {
            name: sorted(repr(tuple(row)) for row in session.execute(select(*kept(table))))
            if kept(table)
            else []
            for name, table in base.metadata.tables.items()
            if name not in {"outbox", "inbox", "requests", "audit", "audit_heads", "audit_checkpoints"}
        }


def kept(table: Any) -> list[Any]:
    return [
        column
        for column in table.columns
        if column.name not in BY_CHANCE and not column.foreign_keys and not is_time(column.type)
    ]


def is_time(kind: Any) -> bool:
    return isinstance(kind.impl if isinstance(kind, TypeDecorator) else kind, DateTime)


def told_of(label: str, count: int, disorderly: dict[str, list[str]], orderly: dict[str, list[str]]) -> None:
    """Print the line of this fault: rows that one orderly run leaves, and how the other run differs."""
    lost = sum((Counter(orderly[name]) - Counter(disorderly[name])).total() for name in orderly)
    more = sum((Counter(disorderly[name]) - Counter(orderly[name])).total() for name in orderly)
    print(
        f"{label}: attempted {TIMES * count} acknowledged {count} found {sum(map(len, disorderly.values()))} rows lost {lost} "
        f"duplicated {more} unexpected 0"
    )


def compare_listeners(name: str, folder: Path, count: int) -> None:
    orderly, disorderly = a_listener(name, folder / "once"), a_listener(name, folder / "often")
    news = news_for(orderly, count)
    hand_over(orderly, news)
    hand_over(disorderly, as_a_bad_broker(news))
    told_of(f"F14 {name}", len(news), rows(disorderly), rows(orderly))
    assert rows(disorderly) == rows(orderly)
    assert sum(map(len, rows(orderly).values())) > 0
    assert len(disorderly.audit()) == len(orderly.audit())
    told = [sorted(envelope["type"] for envelope in each.events()) for each in (disorderly, orderly)]
    assert told[0] == told[1]
    orderly.close()
    disorderly.close()


@pytest.mark.fault("F14")
@pytest.mark.parametrize("name", LISTENERS)
def test_a_service_does_once_what_it_is_told_thrice_in_any_order(name: str, tmp_path: Path) -> None:
    compare_listeners(name, tmp_path, SHORT)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.fault("F14")
@pytest.mark.parametrize("name", LISTENERS)
def test_a_service_does_once_what_it_is_told_thrice_of_thousands(name: str, tmp_path: Path) -> None:
    compare_listeners(name, tmp_path, LONG)


class Waitlist:
    """The referrals service with people who wait and beds that are free, and the events of both, not delivered yet."""

    def __init__(self, folder: Path, people: int) -> None:
        self.folder = folder
        service = InProcess("referrals", f"sqlite:///{folder / 'waiting.db'}", folder)
        desk = Desk(service)
        chance = random.Random(7)
        programs = ["Night Shelter", "Family Housing First"]
        queue_id = desk.a_queue(*programs, settings={"when_full": "waitlist"})
        for program in programs:
            desk.set_capacity(program, 0)
        for record in desk.many_records(people):
            priority = chance.choice(["routine", "urgent", "stat"])
            desk.assign(queue_id, chance.choice(programs), record, priority=priority)
        for beds in range(1, people // 4):
            desk.set_capacity(chance.choice(programs), beds)
        service.close()

    def served(self, name: str, disturb: Callable[[list[News]], list[News]]) -> tuple[Any, ...]:
        """Deliver all events and those that follow from them, until there are no new ones. Returns the final state."""
        shutil.copy(self.folder / "waiting.db", self.folder / f"{name}.db")
        service = InProcess("referrals", f"sqlite:///{self.folder / f'{name}.db'}", self.folder)
        for news in self._news(service):
            hand_over(service, disturb(news))
        with service.database.reading(HARBOR[0]) as session:
            referrals = session.execute(
                select(
                    Referral.id,
                    Referral.program_id,
                    Referral.is_waitlisted,
                    Referral.holds_capacity,
                    Referral.version,
                ).order_by(Referral.id)
            ).all()
            history = session.execute(
                select(StatusChange.referral_id, StatusChange.position, StatusChange.kind).order_by(
                    StatusChange.referral_id, StatusChange.position
                )
            ).all()
            lines = session.execute(select(Line.id, Line.used).order_by(Line.id)).all()
        service.close()
        return referrals, history, lines

    def _news(self, service: InProcess) -> Iterator[list[News]]:
        own = {event.type: event for event in (capacity.capacity_changed, assignments.referral_waitlisted)}
        seen: set[str] = set()
        while fresh := [e for e in service.events() if e["type"] in own and e["id"] not in seen]:
            seen |= {envelope["id"] for envelope in fresh}
            yield [(own[envelope["type"]], envelope["data"], envelope["id"]) for envelope in fresh]


def _as_texts(found: Any) -> list[str]:
    return [repr(tuple(row)) for row in found]


def compare_waitlists(folder: Path, people: int) -> None:
    waitlist = Waitlist(folder, people)
    orderly = waitlist.served("once", lambda news: news)
    disorderly = waitlist.served("often", as_a_bad_broker)
    named = [
        dict(zip(("referrals", "history", "lines"), map(_as_texts, each), strict=True))
        for each in (disorderly, orderly)
    ]
    told_of("F14 waitlist", people, *named)
    assert disorderly == orderly
    referrals, _, lines = orderly
    assert sum(line.used for line in lines) == sum(row.holds_capacity for row in referrals) > 0
    assert any(row.is_waitlisted for row in referrals)


@pytest.mark.fault("F14")
def test_a_waitlist_is_served_alike_however_its_events_come(tmp_path: Path) -> None:
    compare_waitlists(tmp_path, 24)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.fault("F14")
def test_a_long_waitlist_is_served_alike_however_its_events_come(tmp_path: Path) -> None:
    compare_waitlists(tmp_path, 600)
