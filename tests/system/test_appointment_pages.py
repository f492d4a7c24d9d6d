"""Appointments in a real browser by the keyboard alone: booked, moved, cancelled, asked for and found."""

from __future__ import annotations

import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from deploy.client import Portico
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import enter, follow, reach_field, wait_for_heading
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

PASSWORD = "lantern-orchid-quarry-7"
PLACE, NINE = "America/New_York", datetime.time(9)
PATIENT, EMAIL = "tilda.visit", "tilda.visit@example.org"


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Console:
    """A clinic that sees people on every morning, and a patient who may book there."""
    admin = portico.admin
    given = {"first_name": "Tilda", "last_name": "Visit", "kinds": ["patient"], "email": EMAIL}
    person = admin.post("/v1/people", **given, date_of_birth="1980-02-29", postal_code="02139")
    admin.put(
        f"/v1/patients/{person['id']}/credentials", username=PATIENT, password=PASSWORD, must_change=False,
        enable_access=True, attests_email_is_private=True,
    )  # fmt: skip
    console = Console(portico, chromium)
    open_for(console, "check_up", "Check Up", preparation="Come sober.")
    return console


def open_for(console: Console, code: str, name: str, **members: Any) -> str:
    """The id of a new type of appointments, an hour long, which somebody takes on every morning."""
    api = console.api
    kind = api.post("/v1/appointment-types", code=code, name=name, minutes=60, **members)["id"]
    provider = api.post("/v1/appointment-providers", name=f"Dr {name}", type_ids=[kind])["id"]
    hours = {"weekdays": [1, 2, 3, 4, 5, 6, 7], "opens": "09:00", "closes": "12:00"}
    place = {"place": "Main Street 1", "time_zone": PLACE, "hours": [hours]}
    api.post(f"/v1/appointment-providers/{provider}/schedules", **place)
    return str(kind)


def configure(console: Console, **appointments: Any) -> None:
    """What My Appointments of the Patient Portal says."""
    now = console.api.get("/v1/portals/patient/content")
    module = {"code": "my_appointments", "appointments": {"lead_days": 3, **appointments}}
    modules = [*(each for each in now["modules"] if each["code"] != "my_appointments"), module]
    headers = {"If-Match": f'"{now["version"]}"'}
    console.api.send("PATCH", "/v1/portals/patient/content", 200, json={"modules": modules}, headers=headers)


def as_patient(console: Console, path: str, heading: str) -> None:
    """Sign in as the patient on a phone and open a page."""
    console.sign_in_on_a_phone(PATIENT, PASSWORD, path, heading)


@pytest.mark.seed("S2-16", "S2-17", "S2-66", "S2-67", "S2-127")
def test_a_patient_books_moves_cancels_and_asks_and_staff_find_the_time(console: Console) -> None:
    browser = console.browser
    configure(console, booking_mode="self_scheduling", alert_text="In an emergency dial 911.")
    as_patient(console, "/patient/appointments", "Appointments")
    assert "No appointment is coming" in browser.text
    console.follow("Book an appointment", "Book an appointment")
    assert "In an emergency dial 911." in browser.text
    console.pick("What is it about?", "Check Up (60 minutes)")
    follow(browser, "Show free times")
    browser.wait_for("location.search.includes('type_id') && document.readyState === 'complete'")
    follow(browser, "9:00")
    browser.wait_for("location.search.includes('starts_at') && document.readyState === 'complete'")
    assert "Is this right?" in browser.text
    assert "Come sober." in browser.text
    console.sends("Book this time", "Your appointment is booked")
    assert "9:00" in browser.text
    console.follow("Move to another time", "Move the appointment")
    follow(browser, "10:00")
    browser.wait_for("location.search.includes('starts_at') && document.readyState === 'complete'")
    console.sends("Move the appointment", "Your appointment is moved")
    assert "10:00" in browser.text
    follow(browser, "Cancel the appointment")
    console.sends("Yes, cancel it", "The appointment is cancelled")
    # The portal now takes requests only.
    configure(console, booking_mode="request_only")
    console.open("/patient/appointments", "Appointments")
    assert "Cancelled" in browser.text
    console.follow("Ask for an appointment", "Ask for an appointment")
    follow(browser, "Send the request")
    console.refused("What is it about?")
    console.pick("What is it about?", "Check Up (60 minutes)")
    console.tick("Morning")
    enter(browser, "Anything that we should know", "I come by bus.")
    console.sends("Send the request", "Your request is sent")
    assert "Waiting for an answer" in browser.text
    _staff_find_a_time(console)
    _staff_invite_everyone(console)
    as_patient(console, "/patient/appointments", "Appointments")
    assert "A time was found" in browser.text
    assert "No appointment is coming" not in browser.text


def test_people_read_what_the_organisation_says_when_it_is_too_late(console: Console) -> None:
    browser = console.browser
    configure(console, booking_mode="self_scheduling")
    as_patient(console, "/patient/appointments/new", "Book an appointment")
    console.pick("What is it about?", "Check Up (60 minutes)")
    follow(browser, "Show free times")
    browser.wait_for("location.search.includes('type_id') && document.readyState === 'complete'")
    follow(browser, "9:00")
    browser.wait_for("location.search.includes('starts_at') && document.readyState === 'complete'")
    console.sends("Book this time", "Your appointment is booked")
    assert "Cancel the appointment" in browser.text
    # Staff shorten the time while the page stands open.
    says = "Within two weeks call 555 0100."
    configure(console, booking_mode="self_scheduling", stop_minutes=14 * 24 * 60, stop_text=says)
    follow(browser, "Cancel the appointment")
    follow(browser, "Yes, cancel it")
    console.refused("It is too late to change this here", says)
    assert "Cancel the appointment" not in browser.text
    console.open("/patient/appointments/new", "Book an appointment")
    console.pick("What is it about?", "Check Up (60 minutes)")
    follow(browser, "Show free times")
    browser.wait_for("location.search.includes('type_id') && document.readyState === 'complete'")
    assert says in browser.text
    configure(console, booking_mode="request_only")


def test_a_time_that_is_taken_meanwhile_is_refused_and_another_can_be_chosen(console: Console) -> None:
    browser, api = console.browser, console.api
    configure(console, booking_mode="self_scheduling")
    as_patient(console, "/patient/appointments/new", "Book an appointment")
    console.pick("What is it about?", "Check Up (60 minutes)")
    follow(browser, "Show free times")
    browser.wait_for("location.search.includes('type_id') && document.readyState === 'complete'")
    follow(browser, "9:00")
    browser.wait_for("location.search.includes('starts_at') && document.readyState === 'complete'")
    asked = browser.evaluate("Object.fromEntries(new URLSearchParams(location.search))")
    person = api.post("/v1/people", first_name="Ada", last_name="Quick", kinds=["patient"])
    wanted = {name: asked[name] for name in ("type_id", "schedule_id", "starts_at")}
    api.post("/v1/appointments", person_id=person["id"], **wanted)
    follow(browser, "Book this time")
    browser.wait_for_text("This time is not free any more. Choose another one.")
    wait_for_heading(browser, "Book an appointment")
    follow(browser, "Choose another time")
    browser.wait_for("!location.search.includes('starts_at') && document.readyState === 'complete'")
    assert "type_id" in browser.path  # what was chosen stays
    follow(browser, "10:00")
    browser.wait_for("location.search.includes('starts_at') && document.readyState === 'complete'")
    console.sends("Book this time", "Your appointment is booked")


@pytest.mark.seed("S2-69", "S2-70")
def test_what_is_past_due_is_warned_of_or_booked_as_the_portal_says(console: Console) -> None:
    browser, api = console.browser, console.api
    kind = open_for(console, "flu_shot", "Flu Shot")
    (tilda,) = (each for each in api.get("/v1/patients", limit=200)["items"] if each["username"] == PATIENT)
    passed = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=2)
    invited = {"person_ids": [tilda["person_id"]], "due_on": passed.isoformat()}
    api.post(f"/v1/appointment-types/{kind}/invitations", **invited)
    mode = {"booking_mode": "self_scheduling"}
    configure(console, **mode, past_due_scheduling=False, past_due_warning="Call the desk.")
    as_patient(console, "/patient/appointments", "Appointments")
    assert "Past due" in browser.text
    assert "Call the desk." in browser.text
    assert "Choose a time" not in browser.text
    configure(console, **mode, past_due_scheduling=True)
    console.open("/patient/appointments", "Appointments")
    assert "Call the desk." not in browser.text
    console.follow("Choose a time", "Book an appointment")
    follow(browser, "9:00")
    browser.wait_for("location.search.includes('starts_at') && document.readyState === 'complete'")
    console.sends("Book this time", "Your appointment is booked")
    console.open("/patient/appointments", "Appointments")
    assert "Past due" not in browser.text


@pytest.mark.seed("S2-14", "S2-90")
def test_a_supervisor_asks_for_an_employee_and_who_stands_in_sees_the_time_that_is_found(
    console: Console,
) -> None:
    browser, api, people = console.browser, console.api, {}
    open_for(console, "hearing_test", "Hearing Test", is_shown_to_supervisors=True)
    for name in ("Worker", "Chief", "Deputy"):
        login = f"{name.lower()}@shifts.example.org"
        given = {"first_name": name, "last_name": "Shift", "kinds": ["employee"]}
        people[name] = api.post("/v1/people", **given)["id"]
        code = api.post(f"/v1/people/{people[name]}/pickup-codes")["code"]
        console.portico.passwords[login] = PASSWORD
        redeemed = {"organisation": HARBOR, "code": code, "login": login, "password": PASSWORD}
        Portico(console.portico.url).send("POST", "/v1/pickup-codes/redeem", 200, json=redeemed)
    accounts = api.get("/v1/accounts", realm="employee", limit=200)["items"]
    (chief,) = (each["id"] for each in accounts if each["login"] == "chief@shifts.example.org")
    api.post(f"/v1/people/{people['Worker']}/relationships", account_id=chief, kind="supervisor")
    until = {"login": "deputy@shifts.example.org", "ends_at": "2099-12-31T00:00:00+00:00"}
    api.post(f"/v1/accounts/{chief}/stand-ins", expect=200, **until)
    team = "/portal/supervisor/scheduling"
    console.sign_in("chief@shifts.example.org", realm="employee", at=team)
    console.follow("Worker Shift", "Worker Shift")
    assert "No appointment is coming." in browser.text
    console.pick("What is it about?", "Hearing Test (60 minutes)")
    enter(browser, "Anything that we should know", "Before the night shift.")
    console.sends("Send the request", "The request is sent")
    console.sign_in(f"admin@{HARBOR}.example.org", at="/staff/appointments/requests")
    console.follow("Shift, Worker", "Shift, Worker")
    assert "Asked by a supervisor" in browser.text
    follow(browser, "9:00")
    browser.wait_for("location.search.includes('starts_at') && document.readyState === 'complete'")
    console.sends("Book this time", "The appointment is booked")
    console.sign_in("deputy@shifts.example.org", realm="employee", at=team)
    console.follow("Worker Shift", "Worker Shift")
    assert "No appointment is coming." not in browser.text
    assert "9:00" in browser.text


def test_times_are_those_of_the_place_also_when_its_clocks_change_and_for_readers_elsewhere(
    console: Console,
) -> None:
    browser, api = console.browser, console.api
    first, change = _days_around_a_change(PLACE)
    kind = api.post("/v1/appointment-types", code="spring", name="Spring", minutes=60)
    provider = api.post("/v1/appointment-providers", name="Dr March", type_ids=[kind["id"]])
    hours = [{"weekdays": [1, 2, 3, 4, 5, 6, 7], "opens": "09:00", "closes": "10:00"}]
    for place, zone in (("Main Street 1", PLACE), ("Far Street 2", "Pacific/Honolulu")):
        api.post(
            f"/v1/appointment-providers/{provider['id']}/schedules", place=place, time_zone=zone, hours=hours
        )
    person = api.post("/v1/people", first_name="Clara", last_name="Clocks", kinds=["patient"])["id"]
    console.sign_in(f"admin@{HARBOR}.example.org", at="/staff/appointments")
    # The reader's own clock counts for nothing.
    browser.send("Emulation.setTimezoneOverride", timezoneId="Asia/Tokyo")
    console.open(
        f"/staff/people/{person}/appointments/new?type_id={kind['id']}&from_on={first}", "Book an appointment"
    )
    before, after = (datetime.datetime.combine(day, NINE, ZoneInfo(PLACE)) for day in (first, change))
    assert before.utcoffset() != after.utcoffset()
    follow(browser, f"9:00\u202fAM {after.tzname()}")
    browser.wait_for("location.search.includes('starts_at') && document.readyState === 'complete'")
    assert f"9:00\u202fAM {after.tzname()}" in browser.text
    console.sends("Book this time", "The appointment is booked")
    assert f"9:00\u202fAM {after.tzname()}" in browser.text
    (booked,) = api.get(f"/v1/people/{person}/appointments")["items"]
    assert datetime.datetime.fromisoformat(booked["starts_at"]) == after
    assert (booked["on"], booked["place"]) == (change.isoformat(), "Main Street 1")
    # At another place it is moved to a time of that place's clock.
    console.show(f"/staff/appointments/{booked['id']}/move?from_on={change}")
    follow(browser, "9:00\u202fAM HST")
    browser.wait_for("location.search.includes('starts_at') && document.readyState === 'complete'")
    assert "9:00\u202fAM HST" in browser.evaluate("document.querySelector('main dl').innerText")
    console.sends("Move the appointment", "The appointment is moved")
    assert "9:00\u202fAM HST" in browser.text


def _days_around_a_change(zone: str) -> tuple[datetime.date, datetime.date]:
    """The day before the clocks change next, and the day on which they do."""
    day = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=2)
    while True:
        following = day + datetime.timedelta(days=1)
        offsets = {
            datetime.datetime.combine(each, NINE, ZoneInfo(zone)).utcoffset() for each in (day, following)
        }
        if len(offsets) == 2:
            return day, following
        day = following


def _staff_find_a_time(console: Console) -> None:
    browser = console.browser
    console.sign_in(f"admin@{HARBOR}.example.org", at="/staff/queue")
    wait_for_heading(browser, "Requests and messages")
    console.follow("Request an Appointment", "Request an Appointment")
    assert "I come by bus." in browser.text
    console.follow("Find a time for it", "Visit, Tilda")
    assert "Free times that suit the person." in browser.text
    follow(browser, "11:00")
    browser.wait_for("location.search.includes('starts_at') && document.readyState === 'complete'")
    console.sends("Book this time", "The appointment is booked")
    console.follow("Calendar", "Appointments")
    assert "Visit, Tilda" in console.row("Check Up")
    assert "11:00" in console.row("Check Up")


def _staff_invite_everyone(console: Console) -> None:
    browser = console.browser
    console.follow("Types", "Types of appointments")
    console.follow("Check Up", "Check Up")
    assert "Nobody is invited to this type." in browser.text
    console.follow("Invite everyone who is due", "Invite everyone who is due: Check Up")
    follow(browser, "Invite")
    console.refused("Due until: this is needed.", "People who are ticked: ")
    console.pick("Who is shown", "Patient")
    follow(browser, "Show")
    browser.wait_for("location.search.includes('kind=patient') && document.readyState === 'complete'")
    console.tick("Tilda Visit")
    reach_field(browser, "Due until")
    for digit in "12312099":
        browser.press(digit)
    console.sends("Invite", "The invitations are sent")
    assert "Not yet" in console.row("Visit, Tilda")
    console.follow("Invite everyone who is due", "Invite everyone who is due: Check Up")
    assert "Dec 31, 2099" in console.row("Visit, Tilda")
