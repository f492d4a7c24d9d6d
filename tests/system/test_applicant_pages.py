"""An applicant in the browser, by the keyboard alone: by name, through the questions, to the employer, and into the queue of staff."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.demo_questionnaires import published
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import choose, enter, follow, wait_for_heading
from tests.support.questionnaires import an_item, asked_when
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{HARBOR}.example.org"
ENTRANCE = "/at/harbor/applicant"
JOBS = "harvest-jobs"
HEALTH = [
    {
        "id": "you",
        "kind": "section",
        "text": "Your health",
        "items": [
            an_item("smokes", "yes_no", is_required=True) | {"text": "Do you smoke?"},
            an_item("daily", "number", is_required=True, conditions=asked_when("smokes", "true"))
            | {"text": "How many a day?"},
        ],
    },
    {
        "id": "work",
        "kind": "section",
        "text": "Your work",
        "items": [an_item("job", is_required=True) | {"text": "Your last job"}],
    },
]
LATER = 10 * 60_000


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Iterator[Console]:
    console = Console(portico, chromium)
    asked = published(portico.admin, "Before you are hired", HEALTH, {"instructions": "Take your time."})
    path = "/v1/portals/applicant/questionnaires"
    portico.admin.put(path, version=portico.admin.get(path)["version"], items=[{"questionnaire_id": asked}])
    _switch(console, is_enabled=True)
    yield console
    _switch(console, is_enabled=False)


def _switch(console: Console, **changes: Any) -> None:
    version = console.api.get("/v1/portals/applicant/definition")["version"]
    headers = {"If-Match": f'"{version}"'}
    console.api.send("PATCH", "/v1/portals/applicant", 200, json=changes, headers=headers)


@pytest.mark.seed("S2-99", "S2-100", "S2-101", "S2-102")
def test_an_applicant_answers_and_sends_and_staff_find_the_person_in_the_queue(console: Console) -> None:
    browser = console.browser
    _begins(console)
    console.follow("Before you are hired", "Before you are hired")
    assert "Take your time." in browser.text
    follow(browser, "Start")
    wait_for_heading(browser, "Your health")
    # What is missing is told beside its question; what follows from an answer is asked in the same part.
    follow(browser, "Save and go on")
    console.refused("Do you smoke?")
    choose(browser, "Do you smoke?", "Yes")
    follow(browser, "Save and go on")
    browser.wait_for("document.body.textContent.includes('How many a day?')")
    enter(browser, "How many a day?", "twelve")
    follow(browser, "Save and go on")
    console.refused("Enter a number")
    assert browser.evaluate("document.querySelector('[aria-invalid=true]').value") == "twelve"
    _mends(browser, "How many a day?", "12")
    follow(browser, "Save and go on")
    wait_for_heading(browser, "Your work")
    # A reload loses nothing: the answers hang on the browser's cookie.
    console.show("/application")
    wait_for_heading(browser, "Your application")
    assert "Send everything" not in browser.text
    console.follow("Before you are hired", "Your health")
    assert browser.evaluate(
        "[...document.querySelectorAll('input[type=text]')].some(it => it.value === '12')"
    )
    follow(browser, "Save and go on")
    wait_for_heading(browser, "Your work")
    enter(browser, "Your last job", "Welder")
    follow(browser, "Save and go on")
    wait_for_heading(browser, "Check your answers")
    for words in ("Your last job", "Welder", "12", "Yes"):
        assert words in browser.text, words
    console.follow("Go on with your application", "Your application")
    follow(browser, "Send everything to")
    wait_for_heading(browser, "Your application is sent")
    number = browser.evaluate("document.querySelector('main strong').textContent")
    assert number.startswith("AP-")
    # Nothing is left for whoever comes next to the terminal.
    console.show("/application")
    wait_for_heading(browser, "This application has ended")
    console.show(ENTRANCE)
    assert "An application is open" not in browser.text
    assert "Reed" not in browser.text
    _staff_work_on_it(console, number)


def _begins(console: Console) -> None:
    browser = console.browser
    browser.open_page()
    console.show("/at/harbor")
    console.open(ENTRANCE, "Applicant Portal")
    assert "Before you are hired" in browser.text
    follow(browser, "Begin")
    console.refused("First name", "Last name")
    _mends(browser, "First name", "Robin")
    enter(browser, "Last name", "Reed")
    follow(browser, "Begin")
    wait_for_heading(browser, "Your application")
    assert browser.path == "/application"


def _mends(browser: Browser, label: str, text: str) -> None:
    """Go by the summary of problems to the field, and enter something else."""
    follow(browser, label)
    browser.wait_for("document.activeElement.tagName === 'INPUT'")
    browser.evaluate("document.activeElement.select()")
    browser.type(text)


def _staff_work_on_it(console: Console, number: str) -> None:
    """The task in the queue leads to the person, whose answers are there; once hired, staff merge the record."""
    browser, api = console.browser, console.api
    [task] = api.get("/v1/portal-queue", type="application")["items"]
    account = api.get(f"/v1/people/{task['person_id']}")
    assert account["kinds"] == ["applicant"]
    console.sign_in(ADMIN, at="/staff/queue")
    wait_for_heading(browser, "Requests and messages")
    console.follow("Application Sent", "Application Sent")
    assert number in browser.text
    console.follow("Reed, Robin", "Person P")
    assert "Robin Reed" in browser.text
    assert "Applicant" in browser.text
    facts = browser.evaluate("document.querySelector('dl.summary').innerText")
    assert "Department of applicants\nApplicants" in facts
    assert "Disabled" in console.row("Applicant portal")  # nobody logs in with the drafted account
    hired = api.post("/v1/people", first_name="Robin", last_name="Reed", kinds=["employee"])
    answers = api.get(f"/v1/people/{task['person_id']}/questionnaire-responses")["items"]
    assert [each["title"] for each in answers] == ["Before you are hired"]
    assert hired["id"] != task["person_id"]


@pytest.mark.seed("S2-98", "S2-104", "S2-105", "S2-106", "S2-108", "S2-109")
def test_staff_set_what_applicants_of_one_employer_see_are_asked_and_where_it_is_filed(
    console: Console,
) -> None:
    browser, api = console.browser, console.api
    published(api, "Before the harvest", HEALTH[1:], {})
    entrance = f"/at/{HARBOR}/{JOBS}"
    console.sign_in(ADMIN, at="/staff/portals")
    console.follow("New portal", "New portal")
    console.pick("For whom", "Applicants")
    enter(browser, "Address", JOBS)
    enter(browser, "Employer (optional)", "Harvest Co")
    console.sends("Create", "It is off until you enable it")
    assert entrance not in browser.text
    console.show(entrance)
    assert "First name" not in browser.text
    console.open(f"/staff/portals/{JOBS}", f"Portal {JOBS}")
    console.tick("The portal is on")
    console.sends("Save", "The portal is saved")
    # The address that can be handed out leads there.
    console.follow(console.portico.stack.public_url + entrance, "Portal")
    assert "Nothing is asked here at the moment" in browser.text
    _the_portal_of_one_employer_is_set(console)
    _its_applicant_sees_and_answers_that_alone(console, entrance)
    _it_is_filed_as_staff_have_set(console)
    console.open(ENTRANCE, "Applicant Portal")
    assert "Before the harvest" not in browser.text
    console.portico.create_staff("harvest.staff@harbor.example.org")
    console.sign_in("harvest.staff@harbor.example.org", at="/staff")
    for path in (f"/staff/portals/{JOBS}/look", f"/staff/portals/{JOBS}/questionnaires"):
        console.open(path, "You cannot do this here")


def _the_portal_of_one_employer_is_set(console: Console) -> None:
    browser, saved = console.browser, "The draft is saved"
    console.open(f"/staff/portals/{JOBS}/look", "Look")
    enter(browser, "Name", "Join the harvest")
    enter(browser, "Colour", "#7a4419")
    console.sends("Save the draft", saved)
    console.follow("Welcome and words", "Welcome and words")
    enter(browser, "Text under the welcome (optional)", "Bring your **glasses**.")
    console.sends("Save the draft", saved)
    console.follow("Publish", "Publish")
    console.sends("Publish this draft", "The portal is published")
    console.open(f"/staff/portals/{JOBS}/questionnaires", "Questionnaires of this portal")
    console.pick("Questionnaire (optional)", "Before the harvest")
    enter(browser, "Order item (optional)", "Harvest examination")
    enter(browser, "Document type (optional)", "harvest_history")
    enter(browser, "Chart tab (optional)", "Harvesters")
    console.sends("Save", "It offers these questionnaires from now on")


def _its_applicant_sees_and_answers_that_alone(console: Console, entrance: str) -> None:
    browser = console.browser
    browser.open_page()
    console.open(entrance, "Join the harvest")
    assert "Bring your glasses." in browser.text
    assert "theme-7a4419" in browser.evaluate("document.querySelector('link[href*=theme-]').href")
    asked = "[...document.querySelectorAll('main ul li')].map(it => it.textContent)"
    assert browser.evaluate(asked) == ["Before the harvest"]
    enter(browser, "First name", "Hanna")
    enter(browser, "Last name", "Harvest")
    follow(browser, "Begin")
    wait_for_heading(browser, "Your application")
    assert "Before you are hired" not in browser.text
    console.follow("Before the harvest", "Before the harvest")
    follow(browser, "Start")
    wait_for_heading(browser, "Your work")
    enter(browser, "Your last job", "Picker")
    follow(browser, "Save and go on")
    wait_for_heading(browser, "Check your answers")
    console.follow("Go on with your application", "Your application")
    follow(browser, "Send everything to Join the harvest")
    wait_for_heading(browser, "Your application is sent")
    assert "Join the harvest has received your answers." in browser.text


def _it_is_filed_as_staff_have_set(console: Console) -> None:
    browser, api = console.browser, console.api
    waiting = api.get("/v1/portal-queue", type="application", limit=100)["items"]
    [task] = [each for each in waiting if each["person_name"] == "Harvest, Hanna"]
    console.sign_in(ADMIN, at=f"/staff/people/{task['person_id']}/questionnaires")
    console.follow("Before the harvest", "Before the harvest")
    for words in ("Harvest examination", "harvest_history", "Harvesters", "Picker"):
        assert words in browser.text, words
    api.act(f"/v1/portal-queue/{task['id']}/dismiss", task["version"], outcome="completed")


@pytest.mark.parametrize("is_there", [True, False], ids=["stays", "leaves"])
def test_after_ten_idle_minutes_a_terminal_asks_and_then_wipes_everything(
    console: Console, is_there: bool
) -> None:
    browser = console.browser
    _begins(console)
    # The clock of the browser goes on; the dialog comes a minute before the end.
    browser.evaluate(f"(real => {{ Date.now = () => real() + {LATER - 50_000} }})(Date.now.bind(Date))")
    browser.wait_for("document.getElementById('application-end').open")
    assert "Are you still there?" in browser.text
    if is_there:
        browser.wait_for("document.activeElement.id === 'application-stay'")
        browser.press("Enter")
        browser.wait_for("!document.getElementById('application-end').open")
        console.show("/application")
        wait_for_heading(browser, "Your application")
        console.show(ENTRANCE)
        assert "An application is open in this browser" in browser.text
        follow(browser, "End it and wipe everything")
    else:
        browser.evaluate(f"(real => {{ Date.now = () => real() + {LATER} }})(Date.now.bind(Date))")
    wait_for_heading(browser, "This application has ended")
    console.follow("Begin again", "Applicant Portal")
    console.show("/application")
    wait_for_heading(browser, "This application has ended")
