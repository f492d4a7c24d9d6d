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
    [drafted] = [
        each
        for each in api.get("/v1/accounts", realm="applicant", limit=200)["items"]
        if each["first_name"] == "Robin"
    ]
    assert "Disabled" in console.row(drafted["login"])  # nobody can sign in with it (S2-102)
    hired = api.post("/v1/people", first_name="Robin", last_name="Reed", kinds=["employee"])
    answers = api.get(f"/v1/people/{task['person_id']}/questionnaire-responses")["items"]
    assert [each["title"] for each in answers] == ["Before you are hired"]
    assert hired["id"] != task["person_id"]


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
