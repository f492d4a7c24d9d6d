"""Send a Message as staff set it up, and as employees and their supervisors find it, in a real browser by the keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.client import Portico
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import enter
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{HARBOR}.example.org"
PASSWORD = "lantern-orchid-quarry-7"
WORKER, CHIEF = "worker@letters.example.org", "chief@letters.example.org"
TAKEN_AWAY = "Request an Accommodation"


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Console:
    """An employee and who supervises them."""
    console, api, people = Console(portico, chromium), portico.admin, {}
    for login in (WORKER, CHIEF):
        given = {"first_name": login.partition("@")[0].title(), "last_name": "Letters", "kinds": ["employee"]}
        people[login] = api.post("/v1/people", **given)["id"]
        code = api.post(f"/v1/people/{people[login]}/pickup-codes")["code"]
        portico.passwords[login] = PASSWORD
        redeemed = {"organisation": HARBOR, "code": code, "login": login, "password": PASSWORD}
        Portico(portico.url).send("POST", "/v1/pickup-codes/redeem", 200, json=redeemed)
    accounts = api.get("/v1/accounts", realm="employee", limit=200)["items"]
    (chief,) = (each["id"] for each in accounts if each["login"] == CHIEF)
    api.post(f"/v1/people/{people[WORKER]}/relationships", account_id=chief, kind="supervisor")
    return console


def put_modules(console: Console, portal: str, modules: list[Any]) -> None:
    path = f"/v1/portals/{portal}/content"
    headers = {"If-Match": f'"{console.api.get(path)["version"]}"'}
    console.api.send("PATCH", path, 200, json={"modules": modules}, headers=headers)


def offered(console: Console) -> list[str]:
    """The types that the form offers."""
    script = "[...document.querySelectorAll('#send_my_message-type option')].map(it => it.textContent.trim())"
    found: list[str] = console.browser.evaluate(script)
    return found[1:]  # the first one is "Choose"


@pytest.mark.parametrize(
    ("portal", "login"),
    [
        pytest.param("employee", WORKER, marks=pytest.mark.seed("S2-77", "S2-78", "S2-79", "S2-134")),
        pytest.param("supervisor", CHIEF, marks=pytest.mark.seed("S2-94", "S2-134")),
    ],
)
def test_what_staff_say_about_messages_and_which_they_take_is_what_people_find(
    console: Console, portal: str, login: str
) -> None:
    browser = console.browser
    before = console.api.get(f"/v1/portals/{portal}/content")["modules"]
    put_modules(console, portal, [{"code": "send_message"}])  # the fields of one module only
    try:
        console.sign_in(login, realm="employee", at=f"/portal/{portal}")
        console.follow("Send a Message", "Messages")
        console.follow("Send a Message", "Send a Message")
        assert TAKEN_AWAY in offered(console)
        console.sign_in(ADMIN, at="/staff/portals")
        console.open(f"/staff/portals/{portal}/modules", "Modules")
        enter(browser, "Own name (optional)", "x" * 61)
        assert browser.evaluate("document.activeElement.value.length") == 60
        enter(browser, "Own name (optional)", "Write to us")
        enter(browser, "Header (optional)", "Ask the nurses")
        enter(browser, "Instructions (optional)", "One thing at a time.")
        console.sends("Save the draft", "The draft is saved")
        console.follow("Publish", "Publish")
        console.sends("Publish this draft", "The portal is published")
        types(console, portal)
        console.sign_in(login, realm="employee", at=f"/portal/{portal}")
        console.follow("Write to us", "Messages")
        console.follow("Write to us", "Ask the nurses")
        assert browser.text.index("One thing at a time.") < browser.text.index("Your message")
        found = offered(console)
        assert found
        assert TAKEN_AWAY not in found
        console.sign_in(ADMIN, at="/staff/portals")
        types(console, portal)
        console.sign_in(login, realm="employee", at=f"/portal/{portal}/messages/new")
        assert set(offered(console)) == {*found, TAKEN_AWAY}
    finally:
        put_modules(console, portal, before)


def types(console: Console, portal: str) -> None:
    """Take a type away, or add it again."""
    console.open(f"/staff/portals/{portal}/message-types", "Message types of this portal")
    console.tick(TAKEN_AWAY)
    console.sends("Save", "The message types of this portal are saved")
