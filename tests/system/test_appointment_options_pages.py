"""Each option of My Appointments, set by staff in the editor and found by a patient, in a real browser by the keyboard alone."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from services.chassis.database import Database
from services.portals.appointments.models import Appointment
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import enter, follow, reach_field
from tests.support.stack import HARBOR, RunningStack
from tests.system.test_appointment_pages import PASSWORD, PLACE

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{HARBOR}.example.org"
PATIENT, EMAIL = "opal.options", "opal.options@example.org"
ROOT = "/portal/patient/appointments"
ASKS = "/v1/message-types/request_an_appointment"
NAMES = ("Dr North", "Dr South")


@dataclass
class Clinic:
    """Somebody who may book, and two who see people on every morning."""

    console: Console
    person_id: str
    type_id: str

    @property
    def browser(self) -> Browser:
        return self.console.browser

    def configure(self, **appointments: Any) -> None:
        """Publish the options at once: those that are not named are as usual."""
        module = {"code": "my_appointments", "appointments": appointments}
        put_modules(self.console, [module])

    def as_patient(self, path: str, heading: str) -> None:
        """Sign in as the patient on a phone and open a page."""
        self.console.sign_in_on_a_phone(PATIENT, PASSWORD, path, heading)

    def options(self, field: str) -> list[str]:
        """What a drop-down list of the page offers."""
        found: list[str] = self.browser.evaluate(
            f"[...document.querySelectorAll('#{field} option')].map(it => it.textContent.trim())"
        )
        return found

    def pick_way(self, words: str) -> None:
        """Choose how people come to appointments, from the first way on: a list is gone down only."""
        reach_field(self.browser, "Appointments")
        for _ in range(3):
            self.browser.press("ArrowUp")
        self.console.pick("Appointments", words)

    def show_times(self) -> None:
        """Press the button and wait for the free times."""
        follow(self.browser, "Show free times")
        self.browser.wait_for(
            "document.readyState === 'complete' && document.getElementById('times') !== null"
        )

    def days(self) -> set[datetime.date]:
        """The days, at the place, of all the times that the page offers."""
        hrefs = self.browser.evaluate(
            "[...document.querySelectorAll('.time-list a')].map(it => new URL(it.href).searchParams.get('starts_at'))"
        )
        moments = map(datetime.datetime.fromisoformat, hrefs)
        return {each.astimezone(ZoneInfo(PLACE)).date() for each in moments}

    def book(self, time: str) -> None:
        """Take a time of those that the page offers."""
        follow(self.browser, time)
        self.browser.wait_for("location.search.includes('starts_at') && document.readyState === 'complete'")
        self.console.sends("Book this time", "Your appointment is booked")


@pytest.fixture(scope="module")
def clinic(portico: RunningStack, chromium: Browser) -> Iterator[Clinic]:
    console, api = Console(portico, chromium), portico.admin
    given = {"first_name": "Opal", "last_name": "Options", "kinds": ["patient"], "email": EMAIL}
    person = api.post("/v1/people", **given, date_of_birth="1980-02-29", postal_code="02139")["id"]
    api.put(
        f"/v1/patients/{person}/credentials", username=PATIENT, password=PASSWORD, must_change=False,
        enable_access=True, attests_email_is_private=True,
    )  # fmt: skip
    kind = api.post("/v1/appointment-types", code="eye_test", name="Eye Test", minutes=60)["id"]
    api.post("/v1/appointment-types", code="staff_only", name="Staff Only", minutes=60)
    hours = {"weekdays": [1, 2, 3, 4, 5, 6, 7], "opens": "09:00", "closes": "12:00"}
    for name in NAMES:
        provider = api.post("/v1/appointment-providers", name=name, type_ids=[kind])["id"]
        place = {"place": "Main Street 1", "time_zone": PLACE, "hours": [hours]}
        api.post(f"/v1/appointment-providers/{provider}/schedules", **place)
    before = api.get("/v1/portals/patient/content")["modules"]
    yield Clinic(console, person, kind)
    put_modules(console, before)


def put_modules(console: Console, modules: list[Any]) -> None:
    path = "/v1/portals/patient/content"
    headers = {"If-Match": f'"{console.api.get(path)["version"]}"'}
    console.api.send("PATCH", path, 200, json={"modules": modules}, headers=headers)


@pytest.mark.seed("S2-65", "S2-72", "S2-73", "S2-76", "S2-126")
def test_what_staff_set_in_the_editor_is_what_people_find(clinic: Clinic) -> None:
    browser, console = clinic.browser, clinic.console
    clinic.configure(booking_mode="request_only")
    console.sign_in(ADMIN, at="/staff/portals")
    console.open("/staff/portals/patient/modules", "Modules")
    enter(browser, "Own name (optional)", "x" * 61)
    assert browser.evaluate("document.activeElement.value.length") == 60
    enter(browser, "Own name (optional)", "My Visits")
    clinic.pick_way("People choose a time themselves")
    console.tick("Eye Test")
    enter(browser, "Days ahead to search", "9")
    enter(browser, "Days before the first", "4")
    enter(browser, "Alert above the form (optional)", "In an emergency dial 9-1-1.")
    console.sends("Save the draft", "The draft is saved")
    console.follow("Publish", "Publish")
    console.sends("Publish this draft", "The portal is published")
    clinic.as_patient("/portal/patient", "Welcome")
    console.follow("My Visits", "My Visits")
    console.follow("Book an appointment", "Book an appointment")
    shown = browser.text
    assert shown.index("In an emergency dial 9-1-1.") < shown.index("What is it about?")
    # Of all types that there are, only the one that staff have chosen.
    assert clinic.options("type_id") == ["Choose …", "Eye Test (60 minutes)"]
    console.pick("What is it about?", "Eye Test (60 minutes)")
    clinic.show_times()
    today = datetime.datetime.now(ZoneInfo(PLACE)).date()
    found = clinic.days()
    follow(browser, "Later days")
    browser.wait_for("location.search.includes('from_on') && document.readyState === 'complete'")
    found |= clinic.days()
    assert found == {today + datetime.timedelta(days=number) for number in range(4, 10)}
    assert not browser.evaluate("[...document.links].some(it => it.textContent.includes('Later days'))")


@pytest.mark.seed("S2-71")
def test_past_appointments_are_shown_for_as_many_days_as_the_portal_says(
    portico: RunningStack, clinic: Clinic
) -> None:
    browser, api = clinic.browser, clinic.console.api
    [day] = api.get("/v1/appointments/free", type_id=clinic.type_id)["days"][:1]
    wanted = {name: day["times"][0][name] for name in ("schedule_id", "starts_at")}
    booked = api.post("/v1/appointments", person_id=clinic.person_id, type_id=clinic.type_id, **wanted)
    starts_at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3)
    took_place = {
        "starts_at": starts_at,
        "ends_at": starts_at + datetime.timedelta(hours=1),
        "on": starts_at.astimezone(ZoneInfo(PLACE)).date(),
        "state": "attended",
    }
    statement = update(Appointment).where(Appointment.id == booked["id"]).values(**took_place)
    database = Database(portico.stack.database_url("portals"))
    try:
        database.write(None, lambda session: session.execute(statement))
    finally:
        database.close()
    clinic.configure(days_past=2)
    clinic.as_patient(ROOT, "My Appointments")
    assert "Past and cancelled" not in browser.text
    clinic.configure(days_past=4)
    clinic.console.open(ROOT, "My Appointments")
    past = browser.text[browser.text.index("Past and cancelled") :]
    assert "Eye Test" in past
    assert "Took place" in past


@pytest.mark.seed("S2-66", "S2-74", "S2-75")
def test_whether_people_choose_a_provider_is_as_the_portal_says(clinic: Clinic) -> None:
    browser, console = clinic.browser, clinic.console
    own = {"booking_mode": "self_scheduling", "visible_appointment_types": ["eye_test"], "lead_days": 2}
    clinic.configure(**own, first_available_provider=False)
    clinic.as_patient(f"{ROOT}/new", "Book an appointment")
    assert clinic.options("provider_id") == list(NAMES)
    console.pick("What is it about?", "Eye Test (60 minutes)")
    console.pick("With whom?", "Dr South")
    clinic.show_times()
    clinic.book("9:00")
    assert "Dr South" in browser.text
    clinic.configure(**own, first_available_provider=True)
    console.open(f"{ROOT}/new", "Book an appointment")
    assert clinic.options("provider_id") == ["First available provider", *NAMES]
    console.pick("What is it about?", "Eye Test (60 minutes)")
    clinic.show_times()
    assert not [
        name for name in NAMES if name in browser.evaluate("document.querySelector('.time-list').innerText")
    ]
    # At nine Dr South is taken, so whoever is free is the other one.
    clinic.book("9:00")
    assert "Dr North" in browser.text
    clinic.configure(**own, any_provider=True)
    console.open(f"{ROOT}/new", "Book an appointment")
    assert "With whom?" not in browser.text
    console.pick("What is it about?", "Eye Test (60 minutes)")
    clinic.show_times()
    clinic.book("10:00")
    assert not [name for name in NAMES if name in browser.text]
    booked = console.api.get(f"/v1/appointments/{console.last_of_address}")
    assert booked["provider_name"] in NAMES, "somebody has it, though the person does not choose"


@pytest.mark.seed("S2-68", "S2-127", "S2-128")
def test_people_book_ask_or_call_as_the_portal_says_and_ask_only_by_a_type_that_is_enabled(
    clinic: Clinic,
) -> None:
    browser, console, api = clinic.browser, clinic.console, clinic.console.api
    ways = ("Book an appointment", "Ask for an appointment", "To make an appointment, call us.")
    clinic.as_patient("/portal/patient", "Welcome")
    for mode, way in zip(("self_scheduling", "request_only", "none"), ways, strict=True):
        clinic.configure(booking_mode=mode)
        console.open(ROOT, "My Appointments")
        assert [each for each in ways if each in browser.text] == [way]
    switch(console, is_enabled=False)
    try:
        console.sign_in(ADMIN, at="/staff/portals")
        console.open("/staff/portals/patient/modules", "Modules")
        enter(browser, "Own name (optional)", "My Appointments")  # the list is behind it
        clinic.pick_way("People send a request")
        console.sends("Save the draft", "The draft is saved")
        console.follow("Publish", "Publish")
        follow(browser, "Publish this draft")
        console.refused("need the message type request_an_appointment")
        switch(console, is_enabled=True)
        console.open("/staff/portals/patient/publish", "Publish")
        console.sends("Publish this draft", "The portal is published")
        clinic.as_patient(ROOT, "My Appointments")
        assert ways[1] in browser.text
        # Switched off later, it is no longer asked for.
        switch(console, is_enabled=False)
        console.open(ROOT, "My Appointments")
        assert ways[1] not in browser.text
    finally:
        if not api.get(ASKS)["is_enabled"]:
            switch(console, is_enabled=True)


def switch(console: Console, *, is_enabled: bool) -> None:
    """Enable or disable the type of messages by which appointments are asked for."""
    now = console.api.get(ASKS)
    members = {name: value for name, value in now.items() if name not in ("code", "version")}
    console.api.put(ASKS, version=now["version"], **members | {"is_enabled": is_enabled})
