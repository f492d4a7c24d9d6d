"""A request from the person who sends it to the archive and back, in a real browser by the keyboard alone."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import update

from services.chassis.database import Database
from services.portals.portal_queue.models import QueueItem
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import choose, enter, follow, wait_for_heading
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

PASSWORD = "lantern-orchid-quarry-7"
PATIENT, EMAIL = "mara.queue", "mara.queue@example.org"


@dataclass
class Walk:
    """A console, and the person who writes."""

    console: Console
    person_id: str

    @property
    def browser(self) -> Browser:
        return self.console.browser

    def as_patient(self, path: str, heading: str) -> None:
        """Sign in as the patient on a phone and open a page."""
        self.console.sign_in_on_a_phone(PATIENT, PASSWORD, path, heading)

    def as_staff(self, path: str, heading: str) -> None:
        """Sign in as a member of the staff and open a page."""
        self.console.sign_in(f"admin@{HARBOR}.example.org", at=path)
        wait_for_heading(self.browser, heading)

    def items(self, **filters: Any) -> list[Any]:
        """The open items of the person."""
        found = self.console.api.get("/v1/portal-queue", **filters)["items"]
        return [each for each in found if each["person_id"] == self.person_id]


@pytest.fixture(scope="module")
def walk(portico: RunningStack, chromium: Browser) -> Walk:
    given = {"first_name": "Mara", "last_name": "Quist", "kinds": ["patient"], "email": EMAIL}
    person = portico.admin.post("/v1/people", **given, date_of_birth="1980-02-29", postal_code="02139")
    portico.admin.put(
        f"/v1/patients/{person['id']}/credentials", username=PATIENT, password=PASSWORD, must_change=False,
        enable_access=True, attests_email_is_private=True,
    )  # fmt: skip
    return Walk(Console(portico, chromium), person["id"])


@pytest.mark.seed(
    "S3-1", "S3-2", "S3-5", "S3-6", "S3-9", "S3-11", "S3-14", "S3-17", "S3-18", "S3-19", "S2-20"
)
def test_a_request_is_sent_answered_archived_and_brought_back(portico: RunningStack, walk: Walk) -> None:
    _the_patient_asks_for_a_refill(walk)
    _staff_find_it_on_their_start_page_and_answer(portico, walk)
    _the_patient_reads_the_answer(walk)
    _staff_bring_it_back_from_the_archive(walk)


def _the_patient_asks_for_a_refill(walk: Walk) -> None:
    browser = walk.browser
    walk.as_patient("/patient", "My record")
    walk.console.follow("Messages, and what became", "Messages")
    assert "No messages here yet" in browser.text
    walk.console.follow("Send a Message", "Send a Message")
    page = browser.text
    assert page.index("Not for emergencies.") < page.index("Your message")
    assert "within 3 working days" in page
    follow(browser, "Send")
    walk.console.refused("What it is about: this is needed", "Your message: this is needed")
    walk.console.pick("What it is about", "Refill Request")
    enter(browser, "Your message", "The blue inhaler, please.")
    walk.console.sends("Send", "Your message is sent")
    wait_for_heading(browser, "Refill Request")
    assert "Received. It waits for an answer" in browser.text
    assert "inhaler" not in browser.path


def _staff_find_it_on_their_start_page_and_answer(portico: RunningStack, walk: Walk) -> None:
    browser, console = walk.browser, walk.console
    walk.as_staff("/staff", "My work")
    assert "Requests and messages from portals" in browser.text
    # So does the day view.
    console.follow("Appointments", "Appointments")
    assert "Requests and messages from portals" in browser.text
    console.follow("The whole queue", "Requests and messages")
    for label, words, is_there in (
        ("Priority", "Urgent", False),
        ("Priority", "Routine", True),
        ("Requests or messages", "Request", True),
        ("Requests or messages", "Message", False),
    ):
        console.pick(label, words)
        browser.evaluate("document.body.dataset.left = ''")
        follow(browser, "Filter")
        browser.wait_for("!('left' in document.body.dataset) && document.readyState === 'complete'")
        assert ("Quist, Mara" in console.row("Quist")) is is_there, (label, words)
    console.open("/staff/queue", "Requests and messages")
    console.sends("Take it: Refill Request, Quist", "You have taken it")
    (item,) = walk.items()
    assert item["assigned_to"] is not None
    console.open(f"/staff/queue/{item['id']}", "Refill Request")
    assert "The blue inhaler, please." in browser.text
    enter(browser, "Message to the person", "It is ready at the desk.")
    choose(browser, "What becomes of the request", "Dismiss it: completed")
    console.sends("Send", "Your message is sent")
    assert "Dismissed as completed" in browser.text
    assert walk.items() == []
    mail = portico.journey().await_mail(EMAIL, lambda each: "has left a message for you" in each["text"])
    assert "inhaler" not in mail["text"]
    assert "Mara" not in mail["text"]
    console.follow("Past correspondence with this person", "Messages with person")
    assert "It is ready at the desk." in browser.text
    assert "Not read yet" in browser.text


def _the_patient_reads_the_answer(walk: Walk) -> None:
    browser = walk.browser
    walk.as_patient("/portal/patient/messages", "Messages")
    assert "1 unread message" in browser.text
    walk.console.follow("Refill Request", "Refill Request")
    assert "It is ready at the desk." in browser.text
    assert "Done" in browser.text
    walk.console.follow("Messages", "Messages")
    assert "You have read everything." in browser.text


def _staff_bring_it_back_from_the_archive(walk: Walk) -> None:
    browser, console = walk.browser, walk.console
    walk.as_staff("/staff/queue", "Requests and messages")
    console.follow("Archive", "Archive of requests and messages")
    enter(browser, "Words of the name", "quist inhal")
    follow(browser, "Search")
    browser.wait_for("location.search.includes('q=') && document.readyState === 'complete'")
    assert "quist" not in browser.path.lower()
    assert "Completed" in console.row("Quist, Mara")
    follow(browser, "Completed")
    console.sends("Yes, bring it back", "It is back in the queue")
    assert "Brought back from the archive" in browser.text
    (item,) = walk.items()
    assert item["state"] == "open"


@pytest.mark.seed("S3-8", "S3-10", "S3-13")
def test_staff_write_first_and_enter_a_request_for_a_caller(walk: Walk) -> None:
    browser, console = walk.browser, walk.console
    walk.as_staff(f"/staff/people/{walk.person_id}", "Person")
    console.follow("Messages", "Messages with person")
    enter(browser, "Message", "Please bring your card.")
    console.tick("Tell the person by e-mail")
    console.sends("Send", "Your message is sent")
    assert "without an e-mail" in browser.text
    console.follow("Enter a request for this person", "Request for person")
    console.pick("What it is", "Request an Appointment")
    enter(browser, "What was asked for", "Monday morning")
    choose(browser, "Priority", "Urgent")
    follow(browser, "Put it into the queue")
    console.done("The request is in the queue")
    assert "A call or a visit" in browser.text
    assert "Urgent" in browser.text
    console.sends("Will not be completed", "It is in the archive now")
    assert "Not completed" in browser.text


@pytest.mark.seed("S2-50", "S2-78", "S2-79")
def test_message_types_are_configured_and_chosen_for_a_portal(walk: Walk) -> None:
    browser, console, api = walk.browser, walk.console, walk.console.api
    walk.as_staff("/staff/administration", "Administration")
    console.follow("Message types", "Message types")
    console.follow("New message type", "New message type")
    enter(browser, "Code", "parking_space")
    enter(browser, "Name", "Parking")
    console.tick("Supervisor Portal")
    enter(browser, "Department that it goes to", "Facilities")
    console.sends("Create", "The message type is there")
    console.open("/staff/portals/supervisor/message-types", "Message types of this portal")
    console.tick("Parking")
    console.tick("Request an Accommodation")
    console.sends("Save", "The message types of this portal are saved")
    sending = [each["code"] for each in api.get("/v1/portals/supervisor/message-types")["sending"]]
    assert "parking_space" in sending
    assert "request_an_accommodation" not in sending
    console.tick("Request an Accommodation")
    console.sends("Save", "The message types of this portal are saved")
    sending = [each["code"] for each in api.get("/v1/portals/supervisor/message-types")["sending"]]
    assert "request_an_accommodation" in sending
    console.open("/staff/queue/settings", "Settings of requests and messages")
    enter(browser, "Own text above the field", "Call 617 555 0100 instead.")
    console.sends("Save", "The settings are saved")
    assert api.get("/v1/portal-queue-settings")["before_writing"] == "Call 617 555 0100 instead."


@pytest.mark.seed("S2-129")
def test_a_person_asks_for_a_change_of_the_own_record_and_staff_accept_it(walk: Walk) -> None:
    browser, console, api = walk.browser, walk.console, walk.console.api
    content = api.get("/v1/portals/patient/content")
    api.send(
        "PATCH",
        "/v1/portals/patient/content",
        200,
        json={"editable_sections": ["allergies"]},
        headers={"If-Match": f'"{content["version"]}"'},
    )
    walk.as_patient("/portal/patient/my-record", "My allergies, medications")
    assert browser.text.count("This can only be seen here") == 2
    console.follow("Ask for a change: Allergies", "Ask for a change")
    enter(browser, "What you are allergic to", "Latex")
    console.sends("Ask for the change", "You have asked for the change")
    wait_for_heading(browser, "Change of My Information")
    (item,) = walk.items(type="change_of_my_information")
    console.sign_in(f"admin@{HARBOR}.example.org", at=f"/staff/queue/{item['id']}")
    wait_for_heading(browser, "Change of My Information")
    assert "Add: Allergies" in browser.text
    console.sends("Accept: change the record", "The record is changed")
    walk.as_patient("/portal/patient/my-record", "My allergies, medications")
    assert "Latex" in browser.text


def test_people_write_to_a_group_and_read_that_it_is_away(walk: Walk) -> None:
    browser, console, api = walk.browser, walk.console, walk.console.api
    me = api.get("/v1/me")
    name = me["login"]  # an account without a name
    walk.as_staff("/staff/administration", "Administration")
    console.follow("Groups of staff", "Groups of staff")
    enter(browser, "Name", "Nurses")
    console.tick(name)
    console.pick("Supervisor, who is told last", name)
    console.sends("Create", "The group is there")
    assert "Nobody" not in console.row("Nurses")
    console.open("/staff/message-types/refill_request", "Refill Request")
    console.tick("Nurses")
    console.sends("Save", "The message type is saved")
    console.open("/staff/queue", "Requests and messages")
    away = {"from_on": "2026-01-01", "until_on": "2060-01-02", "text": "The nurses are on a course."}
    api.put("/v1/me/absence", version=api.get("/v1/me/absence")["version"], **away)
    console.follow("Out of office", "Out of office")
    assert "You are away from" in browser.text
    walk.as_patient("/portal/patient/messages/new", "Send a Message")
    assert "The nurses are on a course." in browser.text
    console.pick("What it is about", "Refill Request")
    console.pick("To whom it goes", "Nurses")
    enter(browser, "Your message", "The red inhaler.")
    console.sends("Send", "Your message is sent")
    (item,) = walk.items(department="Nurses")
    assert item["type"] == "refill_request"
    walk.as_staff("/staff/queue/absence", "Out of office")
    console.sends("I am there again", "You are there again")
    console.open(f"/staff/queue/{item['id']}", "Refill Request")
    assert "Nurses" in browser.text


@pytest.mark.seed("S3-7", "S3-12", "S3-13", "S3-14")
def test_an_answer_belongs_to_its_request_which_stays_open_until_somebody_dismisses_it(walk: Walk) -> None:
    browser, console, api = walk.browser, walk.console, walk.console.api
    for earlier in walk.items():  # so that the person has one row
        path = f"/v1/portal-queue/{earlier['id']}/dismiss"
        api.act(path, version=earlier["version"], outcome="not_completed", confirm=True)
    given = {"person_id": walk.person_id, "type": "refill_request", "text": "The green inhaler."}
    item = api.post("/v1/portal-queue", **given)
    walk.as_staff(f"/staff/queue/{item['id']}", "Refill Request")
    ticked = "[...document.querySelectorAll('input[type=checkbox]:checked')].map(it => it.labels[0].textContent.trim())"
    usual = browser.evaluate(ticked)
    assert any(each.startswith("The message belongs to this request") for each in usual)
    enter(browser, "Message to the person", "Which strength is it?")
    choose(browser, "What becomes of the request", "Leave it open")
    console.sends("Send", "Your message is sent")
    talk = "document.querySelector('.talk').innerText"
    assert "Which strength is it?" in browser.evaluate(talk)
    # One that does not belong to the request is in the correspondence only.
    enter(browser, "Message to the person", "We close at noon tomorrow.")
    console.tick("The message belongs to this request")
    choose(browser, "What becomes of the request", "Leave it open")
    console.sends("Send", "Your message is sent")
    assert "We close at noon" not in browser.evaluate(talk)
    console.follow("Past correspondence with this person", "Messages with person")
    for words in ("Which strength is it?", "We close at noon tomorrow."):
        assert words in browser.text
    # Answered, it still is in the queue: only a member of the staff ends it, here by the button of its row.
    console.open("/staff/queue?type=refill_request", "Requests and messages")
    assert "Answered" in console.row("Quist, Mara")
    assert api.get(f"/v1/portal-queue/{item['id']}")["state"] == "open"
    console.sends("Completed: Refill Request, Quist", "It is in the archive now")
    assert item["id"] not in [each["id"] for each in walk.items()]
    assert api.get(f"/v1/portal-queue/{item['id']}")["state"] == "completed"


@pytest.mark.seed("S3-15", "S3-16")
def test_the_archive_is_searched_by_name_type_text_and_day_and_has_the_newest_request_first(
    portico: RunningStack, walk: Walk
) -> None:
    browser, console, api = walk.browser, walk.console, walk.console.api
    now = datetime.datetime.now(datetime.UTC)
    old, new = now - datetime.timedelta(days=9), now - datetime.timedelta(days=2)
    requests = (
        ("Zorn", "refill_request", "A zebrafinch, please.", old),
        ("Amber", "ask_a_clinical_question", "Is my zebrafinch well?", old + datetime.timedelta(hours=1)),
        ("Midway", "refill_request", "Another zebrafinch.", new),
    )
    database = Database(portico.stack.database_url("portals"))
    try:
        for last_name, kind, text, asked_at in requests:
            person = api.post("/v1/people", first_name="Ari", last_name=last_name, kinds=["patient"])["id"]
            item = api.post("/v1/portal-queue", person_id=person, type=kind, text=text)
            path = f"/v1/portal-queue/{item['id']}/dismiss"
            api.act(path, version=item["version"], outcome="completed", confirm=True)
            earlier = update(QueueItem).where(QueueItem.id == item["id"]).values(requested_at=asked_at)
            database.write(None, lambda session, it=earlier: session.execute(it))
    finally:
        database.close()
    walk.as_staff("/staff/queue/archive", "Archive of requests and messages")

    def found(**fields: str) -> list[str]:
        console.open("/staff/queue/archive", "Archive of requests and messages")
        for label, value in fields.items():
            if label == "words":
                enter(browser, "Words of the name", value)
            else:
                browser.evaluate(
                    f"document.querySelector('[name={label}]').value = {json.dumps(value)}"
                )  # a date field takes digits in the order of the browser's language
        follow(browser, "Search")
        browser.wait_for("location.search.includes('q=') && document.readyState === 'complete'")
        names: list[str] = browser.evaluate(
            "[...document.querySelectorAll('tbody tr')].map(it => it.cells[1].innerText.trim())"
        )
        return names

    # The newest request first, each with the name of its person.
    assert found(words="zebrafinch") == ["Midway, Ari", "Amber, Ari", "Zorn, Ari"]
    assert found(words="zorn zebra") == ["Zorn, Ari"]
    assert found(words="refill zebrafinch") == ["Midway, Ari", "Zorn, Ari"]
    day = (now - datetime.timedelta(days=5)).date().isoformat()
    assert found(words="zebrafinch", from_on=day) == ["Midway, Ari"]
    assert found(words="zebrafinch", until_on=day) == ["Amber, Ari", "Zorn, Ari"]
    assert found(words="zebrafinch parrot") == []
    assert "Nothing fits." in browser.text
