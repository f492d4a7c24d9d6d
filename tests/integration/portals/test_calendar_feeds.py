"""A person's calendar feed: off by default, its secret shown once and kept as a hash, and what it says; on both databases."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from icalendar import Calendar
from sqlalchemy import text

from services.contracts.errors import Refused
from services.contracts.identity import accounts, passports
from services.contracts.portals import appointments, configuration, my_appointments
from services.contracts.portals import calendar_feeds as contract
from tests.integration.portals.clinic import COLLEAGUE, START, WORKER, Clinic, somebody
from tests.support.in_process import InProcess, a_caller

HOUR = datetime.timedelta(hours=1)
PERSON = WORKER.scope["person_id"]


class Feeds(Clinic):
    """A clinic whose people's access identity knows."""

    def __init__(self, portals: InProcess, clock: Any) -> None:
        super().__init__(portals, clock)
        self.see_schedule = {WORKER.id}
        self.asked: list[Any] = []
        portals.answers[passports.check_permission.address] = self._is_allowed
        portals.answers[accounts.describe_account.address] = lambda asked: {
            **dict.fromkeys(("first_name", "last_name", "email", "language", "person_id")),
            "account_id": asked["account_id"],
            "organisation_name": "Harbor Clinic",
        }

    def _is_allowed(self, asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        return {"is_allowed": asked["account_id"] in self.see_schedule}

    def make(self, caller: Any = WORKER) -> str:
        """Switch the feed on; its secret."""
        made = self(contract.make_my_calendar_feed, caller)
        start, end = "/v1/calendar-feeds/", "/appointments.ics"
        assert (made["path"].startswith(start), made["path"].endswith(end)) == (True, True)
        return str(made["path"].removeprefix(start).removesuffix(end))

    def read(self, token: str) -> str:
        return str(self.portals.call(contract.read_calendar_feed, None, token=token)["calendar"])

    def shown(self, token: str) -> list[Any]:
        return list(Calendar.from_ical(self.read(token)).walk("VEVENT"))

    def refused(self, call: Any) -> str:
        """The code and the words of the refusal that this call ends with."""
        with pytest.raises(Refused) as refused:
            call()
        return f"{refused.value.code} {refused.value.detail} {refused.value.field}"

    def state(self, caller: Any = WORKER) -> Any:
        return self(contract.get_my_calendar_feed, caller)


@pytest.fixture(params=["sqlite", "postgresql"])
def clinic(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Feeds]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/x.db" if is_sqlite else request.getfixturevalue("new_postgres_url")
    process = InProcess("portals", url, tmp_path)
    with time_machine.travel(START, tick=False) as clock:
        made = Feeds(process, clock)
        made.configure()
        yield made
    process.close()


def test_a_feed_says_that_there_is_an_appointment_with_whom_when_and_where(clinic: Feeds) -> None:
    kind, schedule = clinic.open(code="drug_screen")
    booked = clinic.book(kind, "03-05 09:00")
    clinic.staff_book(kind, schedule, "03-05 10:00", person=COLLEAGUE.scope["person_id"])
    token = clinic.make()
    whole = clinic.read(token)
    (event,) = clinic.shown(token)
    assert {str(name): str(event[name]) for name in ("summary", "location", "uid", "class")} == {
        "summary": "Appointment: Harbor Clinic",
        "location": "Main Street 1",
        "uid": f"{booked['id']}@portico",
        "class": "PRIVATE",
    }
    assert event["dtstart"].dt == datetime.datetime(2026, 3, 5, 14, tzinfo=datetime.UTC)
    assert event["dtend"].dt == datetime.datetime(2026, 3, 5, 14, 30, tzinfo=datetime.UTC)
    assert not [each for each in ("Drug", "drug", "Reed", "Quill", PERSON, WORKER.id) if each in whole]
    assert clinic.read(token) == whole, "who has it already needs no other one"
    wanted = {"account_id": WORKER.id, "permission": "profile.view_schedule", "person_id": PERSON}
    assert clinic.asked[-1] == wanted
    clinic(my_appointments.cancel_my_appointment, WORKER, appointment_id=booked["id"], version=1)
    assert clinic.shown(token) == []


def test_what_is_long_past_is_left_out_and_what_is_moved_follows(clinic: Feeds) -> None:
    kind, schedule = clinic.open()
    own = clinic.staff_book(kind, schedule, "03-05 09:00", person=PERSON)
    token = clinic.make()
    when = {"schedule_id": schedule["id"], "starts_at": "2026-03-06T15:00:00+00:00"}
    moved = clinic(appointments.move_appointment, appointment_id=own["id"], version=1, **when)
    (event,) = clinic.shown(token)
    assert (event["dtstart"].dt.isoformat(), event["sequence"]) == (when["starts_at"], moved["version"])
    clinic.clock.shift(29 * 24 * HOUR)
    assert len(clinic.shown(token)) == 1
    clinic.clock.shift(4 * 24 * HOUR)
    assert clinic.shown(token) == []


def test_it_is_off_until_somebody_switches_it_on_and_its_secret_is_kept_as_a_hash(clinic: Feeds) -> None:
    assert clinic.state() == {"person_id": PERSON, "is_on": False, "made_at": None, "read_at": None}
    token = clinic.make()
    assert len(token) == 43
    state = clinic.state()
    assert (state["is_on"], state["read_at"], "path" in state) == (True, None, False)
    assert not clinic.state(COLLEAGUE)["is_on"]
    clinic.read(token)
    assert clinic.state()["read_at"] is not None
    tables = clinic.portals.database
    with tables.reading(None) as session:
        names = session.execute(text("SELECT * FROM calendar_feeds")).all()
        kept = session.execute(text("SELECT * FROM requests")).all()
    assert token not in repr(names) + repr(kept)
    audited = [len(clinic.portals.audit(f"calendar_feed.{each}")) for each in ("made", "read", "revoked")]
    assert audited == [1, 1, 0]


@pytest.mark.parametrize("way", ["revoked", "made again", "access ended"])
def test_an_address_that_ended_is_answered_like_one_that_never_was(clinic: Feeds, way: str) -> None:
    token = clinic.make()
    assert clinic.shown(token) == []
    never = clinic.refused(lambda: clinic.read("A" * 43))
    if way == "revoked":
        assert not clinic(contract.revoke_my_calendar_feed, WORKER)["is_on"]
    elif way == "made again":
        assert clinic.shown(clinic.make()) == []
    else:
        clinic.see_schedule.clear()
    assert clinic.refused(lambda: clinic.read(token)) == never
    assert never.startswith("not_found")


def test_a_feed_is_read_so_often_an_hour_and_no_more(clinic: Feeds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.portals.calendar_feeds.handlers.MOST_AN_HOUR", 2)
    clinic.see_schedule.add(COLLEAGUE.id)
    token, other = clinic.make(), clinic.make(COLLEAGUE)
    for _ in range(2):
        clinic.read(token)
    clinic.clock.shift(HOUR / 2)
    assert clinic.refused(lambda: clinic.read(token)).startswith("too_many_requests")
    clinic.read(other)
    clinic.clock.shift(HOUR / 2)
    clinic.read(token)


def test_only_who_sees_a_schedule_in_a_portal_with_appointments_switches_it_on(clinic: Feeds) -> None:
    stranger = {"person_id": COLLEAGUE.scope["person_id"]}
    for operation in (
        contract.get_my_calendar_feed,
        contract.make_my_calendar_feed,
        contract.revoke_my_calendar_feed,
    ):
        refused = clinic.refused(lambda operation=operation: clinic(operation, WORKER, **stranger))
        assert refused.startswith("not_found")
        refused = clinic.refused(lambda operation=operation: clinic(operation, a_caller()))
        assert refused.startswith("forbidden")
    patient = somebody("5", realm="patient")
    assert clinic(contract.make_my_calendar_feed, patient)["is_on"]
    version = clinic(configuration.get_portal_content, portal="patient")["version"]
    modules = [{"code": "send_message"}]
    clinic(configuration.change_portal_content, portal="patient", version=version, modules=modules)
    refused = clinic.refused(lambda: clinic(contract.make_my_calendar_feed, patient))
    assert refused.startswith("scheduling_not_offered")
