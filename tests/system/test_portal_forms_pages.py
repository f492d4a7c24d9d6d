"""What an employee gives in a portal, and what a supervisor is asked about it, by the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.demo_questionnaires import INJURY, INJURY_ITEMS, INJURY_SETTINGS, published
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.employees import Employee, an_employee, supervise
from tests.support.pages import choose, enter, follow, wait_for_heading
from tests.support.questionnaires import an_item
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{HARBOR}.example.org"
MILL = "mill"
HEALTH, FIT = "Health of the mill", "Fit for the saw?"


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Iterator[Console]:
    console, api = Console(portico, chromium), portico.admin
    made = api.post("/v1/portals", portal=MILL, kind="employee")
    headers = {"If-Match": f'"{made["version"]}"'}
    api.send("PATCH", f"/v1/portals/{MILL}", 200, json={"is_enabled": True}, headers=headers)
    kind = api.post("/v1/appointment-types", code="saw_check", name="Saw check", minutes=30)
    api.post("/v1/appointment-providers", name="Dr Mill", type_ids=[kind["id"]])
    published(api, INJURY, INJURY_ITEMS, INJURY_SETTINGS)
    yield console
    path = f"/v1/portals/{MILL}/questionnaires"
    api.put(path, version=api.get(path)["version"], items=[])
    version = api.get(f"/v1/portals/{MILL}/definition")["version"]
    headers = {"If-Match": f'"{version}"'}
    api.send("PATCH", f"/v1/portals/{MILL}", 200, json={"is_enabled": False}, headers=headers)


@pytest.mark.seed("S2-6", "S2-10", "S2-25", "S2-95", "S2-96")
def test_an_employee_gives_what_the_portal_asks_and_the_supervisor_is_asked_in_turn(
    portico: RunningStack, console: Console
) -> None:
    worker, chief, other = (an_employee(portico, name, "Mill") for name in ("Milo", "Mona", "Otis"))
    supervise(portico, chief, worker)
    supervise(portico, other, chief)
    console.sign_in(ADMIN, at="/staff/questionnaires")
    _staff_designate_a_form(console)
    _the_portal_asks(console)
    console.sign_in(worker.login, realm="employee", at=f"/portal/{MILL}")
    _the_injury_asks_what_its_state_asks(console)
    _the_form_is_answered(console)
    _an_appointment_and_a_message(console)
    _the_supervisor_answers_in_turn(console, chief)
    _nobody_else_is_asked(console, other)


def _staff_designate_a_form(console: Console) -> None:
    """Which questionnaires supervisors review, and what they are asked once an employee has sent one, is set in a form."""
    api = console.api
    published(api, FIT, [an_item("fit", "yes_no", is_required=True) | {"text": "May Milo saw?"}], {})
    made = api.post("/v1/questionnaires", title=HEALTH)
    path = f"/v1/questionnaires/{made['id']}"
    asked = [an_item("well", is_required=True) | {"text": "How are you?"}]
    api.put(f"{path}/items", version=made["version"], items=asked)
    console.open(f"/staff/questionnaires/{made['id']}", HEALTH)
    console.follow("Settings", "Settings")
    console.tick("Supervisors see the answers")
    console.tick(FIT)
    console.sends("Save", "The settings are saved")
    console.sends("Publish", "The questionnaire is published")


def _the_portal_asks(console: Console) -> None:
    browser = console.browser
    console.open(f"/staff/portals/{MILL}/questionnaires", "Questionnaires of this portal")
    console.pick("Questionnaire (optional)", HEALTH)
    browser.tab_to("offer_questionnaires-items-1-questionnaire_id", most=300)
    console.pick_here(INJURY)
    browser.tab_to("offer_questionnaires-items-1-module", most=300)
    console.pick_here("Report a work injury or illness")
    console.sends("Save", "It offers these questionnaires from now on")
    # A module that the portal does not show leads nowhere, and its page says so.
    assert "Questionnaire" in browser.evaluate("document.querySelector('section.notice-warn').innerText")
    console.open(f"/staff/portals/{MILL}/modules", "Modules")
    browser.tab_to("change_portal_draft-modules-6-code", most=200)
    console.pick_here("Questionnaire")
    console.sends("Save the draft", "The draft is saved")
    console.follow("Publish", "Publish")
    console.sends("Publish this draft", "The portal is published")


def _the_injury_asks_what_its_state_asks(console: Console) -> None:
    browser = console.browser
    for state, asked in (("California", True), ("Somewhere else", False)):
        console.open(f"/portal/{MILL}", "Welcome to")
        console.follow("Report a Work Injury or Illness", "Report a Work Injury or Illness")
        assert HEALTH not in browser.text
        console.follow(INJURY, INJURY)
        follow(browser, "Start")
        console.refused("Where it happened")
        console.pick("Where it happened", state)
        follow(browser, "Start")
        browser.wait_for("location.pathname.includes('/sections/') && document.readyState === 'complete'")
        console.show(browser.path.partition("/sections/")[0] + "/review")
        wait_for_heading(browser, "Check your answers")
        assert ("Did your employer give you the claim form DWC 1?" in browser.text) is asked
        follow(browser, "Throw these answers away")
        browser.press("Tab")
        browser.press("Enter")
        browser.wait_for("!location.pathname.includes('/responses/') && document.readyState === 'complete'")


def _the_form_is_answered(console: Console) -> None:
    browser = console.browser
    console.open(f"/portal/{MILL}", "Welcome to")
    console.follow("Questionnaire", "Questionnaire")
    console.follow(HEALTH, HEALTH)
    assert "Your supervisor will see your answers" in browser.text
    follow(browser, "Start")
    browser.wait_for("location.pathname.includes('/sections/') && document.readyState === 'complete'")
    enter(browser, "How are you?", "Fit as a fiddle")
    follow(browser, "Save and go on")
    wait_for_heading(browser, "Check your answers")
    console.sends("Send my answers", "Your answers are sent")


def _an_appointment_and_a_message(console: Console) -> None:
    browser = console.browser
    console.open(f"/portal/{MILL}", "Welcome to")
    console.follow("My Appointments", "My Appointments")
    console.follow("Ask for an appointment", "Ask for an appointment")
    console.pick("What is it about?", "Saw check (30 minutes)")
    console.sends("Send the request", "Your request is sent")
    console.open(f"/portal/{MILL}/appointments", "My Appointments")
    assert "Saw check" in browser.text
    console.open(f"/portal/{MILL}/messages/new", "Send a Message")
    console.pick("What it is about", "Ask a Clinical Question")
    enter(browser, "Your message", "I work nights now.")
    follow(browser, "Send")
    browser.wait_for_text("I work nights now.")
    wait_for_heading(browser, "Ask a Clinical Question")


def _the_supervisor_answers_in_turn(console: Console, chief: Employee) -> None:
    browser = console.browser
    console.sign_in(chief.login, realm="employee", at="/portal/supervisor")
    assert "1 to answer" in browser.text
    assert "1 to review" in browser.text
    console.follow("Answers to review", "Answers to review")
    console.follow(HEALTH, HEALTH)
    assert "Fit as a fiddle" in browser.text
    console.sends("I have reviewed this", "It is noted that you have reviewed this")
    console.open("/portal/supervisor/questionnaires", "Questionnaires")
    assert "About Milo Mill" in browser.text
    follow(browser, f"Answer: {FIT}")
    browser.wait_for("location.pathname.includes('/sections/') && document.readyState === 'complete'")
    choose(browser, "May Milo saw?", "Yes")
    follow(browser, "Save and go on")
    wait_for_heading(browser, "Check your answers")
    console.sends("Send my answers", "Your answers are sent")
    console.open("/portal/supervisor", "Welcome to")
    for words in ("1 to answer", "1 to review"):
        assert words not in browser.text, words


def _nobody_else_is_asked(console: Console, other: Employee) -> None:
    """A supervisor of somebody else sees neither the answers nor the question."""
    browser = console.browser
    console.sign_in(other.login, realm="employee", at="/portal/supervisor/questionnaires")
    assert FIT not in browser.text
    console.open("/portal/supervisor/reviews", "Answers to review")
    assert HEALTH not in browser.text
    console.open(f"/portal/{MILL}/appointments", "My Appointments")
    assert "Saw check" not in browser.text
    console.open(f"/portal/{MILL}/messages", "Messages")
    assert "No messages here yet" in browser.text
