"""Questionnaires in the browser, by the keyboard alone: an employee answers and sends, the supervisor and staff read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.client import Portico
from deploy.demo_questionnaires import published
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import choose, enter, follow, wait_for_heading
from tests.support.questionnaires import an_item, asked_when
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{HARBOR}.example.org"
PASSWORD = "lantern-orchid-quarry-7"
WORKER, CHIEF, OTHER, TILES = (f"{name}@forms.example.org" for name in ("wren", "cleo", "otis", "tilda"))
DIARIST, FOREMAN = (f"{name}@forms.example.org" for name in ("diarist", "foreman"))
ITEMS = [
    {
        "id": "noise",
        "kind": "section",
        "text": "Noise at work",
        "items": [
            an_item("loud", "yes_no", is_required=True) | {"text": "Is it loud where you work?"},
            an_item("hours", "number", is_required=True, conditions=asked_when("loud", "true"))
            | {"text": "How many hours a day?"},
        ],
    },
    {
        "id": "ears",
        "kind": "section",
        "text": "Your ears",
        "items": [an_item("ringing") | {"text": "Do your ears ring?"}],
    },
]


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Iterator[Console]:
    console, api = Console(portico, chromium), portico.admin
    asked = published(api, "Hearing check", ITEMS, {"needs_supervisor_review": True})
    path = "/v1/portals/employee/questionnaires"
    before = api.get(path)
    kept = [
        {name: each[name] for name in ("questionnaire_id", "module", "document_type")}
        for each in before["items"]
    ]
    api.put(path, version=before["version"], items=[*kept, {"questionnaire_id": asked}])
    yield console
    api.put(path, version=api.get(path)["version"], items=kept)


def _a_person_with_a_code(console: Console, login: str) -> tuple[str, str]:
    first_name = login.partition("@")[0].capitalize()
    given = {"first_name": first_name, "last_name": "Forms", "email": login, "kinds": ["employee"]}
    person = console.api.post("/v1/people", **given)["id"]
    code = console.api.post(f"/v1/people/{person}/pickup-codes")["code"]
    return str(person), str(code)


def _redeem(console: Console, login: str, code: str, expect: int = 200) -> Any:
    given = {"organisation": HARBOR, "code": code, "login": login, "password": PASSWORD}
    return Portico(console.portico.url).send("POST", "/v1/pickup-codes/redeem", expect, json=given)


def _as(console: Console, login: str) -> Portico:
    given = {"organisation": HARBOR, "realm": "employee", "login": login, "password": PASSWORD}
    token = Portico(console.portico.url).send("POST", "/v1/sessions", 201, json=given)["token"]
    return Portico(console.portico.url, token)


@pytest.mark.seed("S2-11", "S2-19", "S2-119")
def test_an_employee_answers_a_questionnaire_and_the_supervisor_reviews_it(console: Console) -> None:
    people = {login: _a_person_with_a_code(console, login) for login in (WORKER, CHIEF, OTHER)}
    for login, (_, code) in people.items():
        console.portico.passwords[login] = PASSWORD
        _redeem(console, login, code)
    accounts = console.api.get("/v1/accounts", realm="employee", limit=200)["items"]
    [chief] = [each["id"] for each in accounts if each["login"] == CHIEF]
    worker = people[WORKER][0]
    console.api.post(f"/v1/people/{worker}/relationships", account_id=chief, kind="supervisor")
    _answers_in_two_goes(console)
    _the_answers_are_the_workers_alone(console)
    _access_goes_on_without_the_code(console, *people[WORKER])
    _the_supervisor_reviews(console)
    _the_supervisor_sees_the_own_record_and_what_concerns_the_work(console, worker, people[CHIEF][0])
    _staff_read_it(console, worker)


def _answers_in_two_goes(console: Console) -> None:
    browser = console.browser
    console.sign_in(WORKER, realm="employee", at="/portal/employee/questionnaires")
    assert "Not begun" in browser.text
    console.follow("Hearing check", "Hearing check")
    # Who will read it is said before anything is begun.
    assert "Your supervisor will see your answers" in browser.text
    assert _as(console, WORKER).get("/v1/me/questionnaire-responses")["items"] == []
    follow(browser, "Start")
    wait_for_heading(browser, "Noise at work")
    assert "How many hours a day?" not in browser.text
    follow(browser, "Save and go on")
    console.refused("Is it loud where you work?", "Answer this question")
    choose(browser, "Is it loud where you work?", "Yes")
    follow(browser, "Save and go on")
    browser.wait_for("document.body.innerText.includes('How many hours a day?')")
    enter(browser, "How many hours a day?", "6")
    follow(browser, "Save and come back later")
    wait_for_heading(browser, "Your answers are saved")
    # The browser is closed, and opened again somewhere else.
    console.sign_in(WORKER, realm="employee", at="/portal/employee/questionnaires")
    assert "Begun, not sent" in browser.text
    console.follow("Hearing check", "Check your answers")
    console.follow("Noise at work", "Noise at work")
    assert browser.evaluate("[...document.querySelectorAll('input')].some(it => it.value === '6')")
    follow(browser, "Save and go on")
    wait_for_heading(browser, "Your ears")
    enter(browser, "Do your ears ring?", "At night")
    follow(browser, "Save and go on")
    wait_for_heading(browser, "Check your answers")
    console.sends("Send my answers", "Your answers are sent")
    for words in ("How many hours a day?", "6", "At night", "Your supervisor will review it"):
        assert words in browser.text, words


def _the_answers_are_the_workers_alone(console: Console) -> None:
    [sent] = _as(console, WORKER).get("/v1/me/questionnaire-responses")["items"]
    assert sent["state"] == "submitted"
    path = f"/v1/me/questionnaire-responses/{sent['id']}"
    assert _as(console, OTHER).get(path, expect=404)["code"] == "not_found"
    # What is sent is not changed any more.
    headers = {"If-Match": f'"{sent["version"]}"'}
    answers = {"answers": [{"item": "ringing", "answer": "Never"}]}
    refused = _as(console, WORKER).send("PATCH", path, 409, json=answers, headers=headers)
    assert refused["code"] == "response_submitted"


def _access_goes_on_without_the_code(console: Console, person_id: str, code: str) -> None:
    """The code opened the account once; from then on the password opens records, appointments, questionnaires, messages."""
    assert _redeem(console, "again@forms.example.org", code, 410)["code"] == "pickup_code_refused"
    worker = _as(console, WORKER)
    console.api.post(
        f"/v1/people/{person_id}/published-items",
        kind="vital",
        values={"name": "Blood pressure", "value": "118/76"},
    )
    records = [
        item["values"]["value"] for item in worker.get("/v1/me/published-items", kind="vital")["items"]
    ]
    assert records == ["118/76"]
    assert _as(console, OTHER).get("/v1/me/published-items", kind="vital")["items"] == []
    asked = [each["title"] for each in worker.get("/v1/me/questionnaires")["items"]]
    assert "Hearing check" in asked
    assert worker.get("/v1/me/appointments", portal="employee")["coming"] == []
    written = worker.post(
        "/v1/me/threads", portal="employee", type="ask_a_clinical_question", text="My ears ring."
    )
    queued = console.api.get("/v1/portal-queue", type="ask_a_clinical_question")["items"]
    assert any(each["person_name"] == "Forms, Wren" for each in queued)
    stranger = Portico(console.portico.url)
    assert stranger.get(f"/v1/me/threads/{written['id']}", expect=401)["code"] == "unauthenticated"
    assert _as(console, OTHER).get(f"/v1/me/threads/{written['id']}", expect=404)["code"] == "not_found"


def _the_supervisor_reviews(console: Console) -> None:
    browser = console.browser
    console.sign_in(CHIEF, realm="employee", at="/portal/supervisor")
    console.follow("Answers to review", "Answers to review")
    assert "Waiting for you" in console.row("Wren Forms")
    console.follow("Hearing check", "Hearing check")
    assert "At night" in browser.text
    console.sends("I have reviewed this", "It is noted that you have reviewed this")
    assert _as(console, OTHER).get("/v1/me/reviews")["items"] == []


def _the_supervisor_sees_the_own_record_and_what_concerns_the_work(
    console: Console, worker: str, chief: str
) -> None:
    browser = console.browser
    for person, kind, values in (
        (worker, "work_status", {"status": "restricted_duty"}),
        (worker, "restriction", {"restriction": "Not above 85 dB"}),
        (worker, "lost_time", {"days": 4}),
        (worker, "custom", {"label": "Ear protection", "value": "type B", "for_supervisors": True}),
        (worker, "custom", {"label": "Hobby", "value": "drums"}),
        (chief, "vital", {"name": "Blood pressure", "value": "130/85"}),
    ):
        console.api.post(f"/v1/people/{person}/published-items", kind=kind, values=values)
    console.open("/portal/employee/record", "My Medical Information")
    assert "130/85" in browser.text
    console.open(f"/portal/supervisor/team/{worker}", "Wren Forms")
    for words in ("Restricted duty", "Not above 85 dB", "4", "Ear protection", "type B"):
        assert words in browser.text, words
    assert "drums" not in browser.text
    refused = _as(console, OTHER).get(f"/v1/me/employees/{worker}/items", expect=404)
    assert refused["code"] == "not_found"


def _staff_read_it(console: Console, worker: str) -> None:
    browser = console.browser
    console.sign_in(ADMIN, at=f"/staff/people/{worker}")
    [sent] = console.api.get(f"/v1/people/{worker}/questionnaire-responses")["items"]
    console.show(f"/staff/questionnaire-responses/{sent['id']}")
    wait_for_heading(browser, "Hearing check")
    assert "At night" in browser.text


@pytest.mark.seed("S2-64")
def test_a_tile_leads_to_a_questionnaire_of_its_own(console: Console) -> None:
    browser, api = console.browser, console.api
    before = api.get("/v1/portals/employee/content")
    [asked] = [
        each["questionnaire_id"]
        for each in api.get("/v1/portals/employee/questionnaires")["items"]
        if each["title"] == "Hearing check"
    ]
    _, code = _a_person_with_a_code(console, TILES)
    _redeem(console, TILES, code)
    console.portico.passwords[TILES] = PASSWORD
    own = {"code": "questionnaire", "name": "Your hearing", "questionnaire_id": asked}
    _modules(console, [own, *before["modules"]])
    console.sign_in(ADMIN, at="/staff/portals")
    console.open("/staff/portals/employee/modules", "Modules")
    chosen = "document.querySelector('[name$=questionnaire_id]').selectedOptions[0].textContent"
    assert browser.evaluate(chosen) == "Hearing check"
    # Two of one kind are told apart by more than their kind.
    _modules(console, [own, own | {"name": "Once more", "questionnaire_id": None}, *before["modules"]])
    console.open("/staff/portals/employee/modules", "Modules")
    legends = browser.evaluate(
        "[...document.querySelectorAll('fieldset[data-moves] legend')].map(it => it.innerText.trim())"
    )
    assert [each for each in legends if each.startswith("Questionnaire")] == [
        "Questionnaire 1: Hearing check",
        "Questionnaire 2: Once more",
    ]
    assert len(legends) == len(set(legends))
    _modules(console, [own, *before["modules"]])
    console.sign_in(TILES, realm="employee", at="/portal/employee")
    console.follow("Your hearing", "Hearing check")
    assert browser.path.endswith(asked)
    _modules(console, before["modules"])


@pytest.mark.seed("S2-95", "S2-96", "S2-136")
def test_answers_go_to_the_supervisor_order_another_form_and_tell_a_department(console: Console) -> None:
    browser, api = console.browser, console.api
    people = {login: _a_person_with_a_code(console, login) for login in (DIARIST, FOREMAN)}
    for login, (_, code) in people.items():
        console.portico.passwords[login] = PASSWORD
        _redeem(console, login, code)
    accounts = api.get("/v1/accounts", realm="employee", limit=200)["items"]
    [foreman] = [each["id"] for each in accounts if each["login"] == FOREMAN]
    worker = people[DIARIST][0]
    api.post(f"/v1/people/{worker}/relationships", account_id=foreman, kind="supervisor")
    asked = [an_item("loud", "yes_no", is_required=True) | {"text": "Is it too loud?"}]
    published(api, "Check of the workplace", ITEMS, {})
    diary = published(api, "Noise diary", asked, {})
    plain = published(api, "Plain diary", asked, {})
    _staff_say_where_answers_go(console, diary)
    path = "/v1/portals/employee/questionnaires"
    before = api.get(path)
    names = ("questionnaire_id", "module", "document_type")
    kept = [{name: each[name] for name in names} for each in before["items"]]
    offers = [*kept, {"questionnaire_id": diary}, {"questionnaire_id": plain}]
    api.put(path, version=before["version"], items=offers)
    for title, is_seen in (("Noise diary", True), ("Plain diary", False)):
        console.sign_in(DIARIST, realm="employee", at="/portal/employee/questionnaires")
        console.follow(title, title)
        assert ("Your supervisor will see your answers" in browser.text) is is_seen
        follow(browser, "Start")
        wait_for_heading(browser, title)
        browser.wait_for("document.body.innerText.includes('Is it too loud?')")
        choose(browser, "Is it too loud?", "Yes")
        follow(browser, "Save and go on")
        wait_for_heading(browser, "Check your answers")
        console.sends("Send my answers", "Your answers are sent")
    console.sign_in(FOREMAN, realm="employee", at="/portal/supervisor")
    console.follow("Answers to review", "Answers to review")
    assert "Noise diary" in browser.text
    assert "Plain diary" not in browser.text
    console.open("/portal/supervisor/questionnaires", "Questionnaires")
    assert "About Diarist Forms" in browser.text
    follow(browser, "Answer: Check of the workplace")
    wait_for_heading(browser, "Noise at work")
    console.sign_in(ADMIN, at="/staff/answer-notices")
    told = console.row("Noise diary")
    assert "hygiene" in told
    assert "Is it too loud?" in told
    assert console.row("Plain diary") == ""
    console.sends("Close: Is it too loud?", "")
    assert "Closed" in console.row("Noise diary")


def _staff_say_where_answers_go(console: Console, diary: str) -> None:
    browser = console.browser
    console.sign_in(ADMIN, at=f"/staff/questionnaires/{diary}")
    console.follow("Settings", "Settings")
    console.tick("Supervisors see the answers of their employees")
    console.tick("Check of the workplace")
    console.pick("Question 1 (optional)", "Is it too loud?")
    console.pick("Comparison (optional)", "is")
    enter(browser, "Answer (optional)", "true")
    enter(browser, "Department (optional)", "hygiene")
    console.sends("Save", "saved")
    console.open(f"/staff/questionnaires/{diary}", "Noise diary")
    console.sends("Publish", "published")


def _modules(console: Console, modules: list[Any]) -> None:
    path = "/v1/portals/employee/content"
    headers = {"If-Match": f'"{console.api.get(path)["version"]}"'}
    console.api.send("PATCH", path, 200, json={"modules": modules}, headers=headers)
