"""Keyboard shortcuts of staff's pages in a real browser, by real keys."""

from __future__ import annotations

import pytest

from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import reach, require_good, wait_for_heading
from tests.support.stack import RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

STAFF = "quick.keys@harbor.example.org"
LIST = "[...document.querySelectorAll('#shortcuts dl > div')].map(it => it.textContent)"
IS_OPEN = "document.getElementById('shortcuts').open"


@pytest.fixture(scope="module")
def account(portico: RunningStack) -> str:
    portico.create_staff(STAFF, "admin")
    return STAFF


@pytest.fixture
def console(portico: RunningStack, chromium: Browser, account: str) -> Console:
    console = Console(portico, chromium)
    console.sign_in(account)
    return console


def press(browser: Browser, keys: str) -> None:
    for key in keys.split():
        browser.press(key)


def test_keys_lead_where_the_page_leads_and_do_nothing_while_somebody_writes(console: Console) -> None:
    browser = console.browser
    press(browser, "g q")
    wait_for_heading(browser, "Requests and messages")
    press(browser, "g c")
    wait_for_heading(browser, "Contact records")
    press(browser, "g d")  # its link is behind "More"
    wait_for_heading(browser, "Directory")
    press(browser, "g c")
    wait_for_heading(browser, "Contact records")
    browser.press("/")
    browser.wait_for("document.activeElement.matches('search input')")
    press(browser, "g q ?")
    assert browser.evaluate("document.activeElement.value") == "gq?"
    assert not browser.evaluate(IS_OPEN)
    reach(browser, "Find")  # a button: nobody writes there
    browser.press("g", with_control=True)
    browser.press("q", with_control=True)
    browser.evaluate(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'g', isComposing: true, bubbles: true}))"
    )
    browser.press("q")
    press(browser, "g x q")  # another key is between
    assert browser.path == "/staff/records"
    press(browser, "g s")
    wait_for_heading(browser, "My work")


def test_a_list_of_the_keys_is_read_and_closed_again(console: Console) -> None:
    browser = console.browser
    reach(browser, "Referrals")
    browser.press("?")
    browser.wait_for(IS_OPEN)
    require_good(browser)
    assert {"g then qPortal queue", "g then rReferrals", "g then dDirectory"} <= set(browser.evaluate(LIST))
    assert "/" not in "".join(browser.evaluate(LIST))  # this page has no search
    tree = browser.send("Accessibility.getFullAXTree")["nodes"]
    [name] = [each["name"]["value"] for each in tree if each.get("role", {}).get("value") == "dialog"]
    assert name == "Keyboard shortcuts of this page"
    press(browser, "g q")
    assert browser.path == "/staff"
    browser.press("Escape")
    browser.wait_for(f"!{IS_OPEN}")
    assert browser.evaluate("document.activeElement.textContent.trim()") == "Referrals"


def test_an_item_of_the_queue_is_taken_and_answered_by_keys(console: Console) -> None:
    browser, api = console.browser, console.api
    person = api.post("/v1/people", first_name="Kim", last_name="Keys", kinds=["patient"])
    given = {"person_id": person["id"], "type": "refill_request", "text": "By telephone."}
    item = api.post("/v1/portal-queue", **given)
    console.open(f"/staff/queue/{item['id']}", "Refill Request")
    browser.press("?")
    assert {"tTake it", "rMessage to the person"} <= set(browser.evaluate(LIST))
    browser.press("Escape")
    browser.press("t")
    console.done("")
    assert api.get(f"/v1/portal-queue/{item['id']}")["assigned_to"]
    browser.press("?")
    assert "tTake it" not in browser.evaluate(LIST)
    browser.press("Escape")
    browser.press("r")
    browser.wait_for("document.activeElement.name === 'text'")
    press(browser, "t r")
    assert browser.evaluate("document.activeElement.value") == "tr"


def test_whoever_switches_them_off_has_none_wherever_they_sign_in(console: Console, account: str) -> None:
    browser = console.browser
    console.open("/account", "My account")
    console.follow("Switch them on or off", "Keyboard shortcuts")
    console.tick("Use keyboard shortcuts")
    browser.press("Enter")
    console.done("Your choice is saved")
    console.sign_in(account)
    press(browser, "? g q")
    assert browser.evaluate("document.getElementById('shortcuts') === null")
    reach(browser, "Referrals")
    assert browser.path == "/staff"
    console.show("/account/shortcuts")
    console.tick("Use keyboard shortcuts")
    browser.press("Enter")
    console.done("Your choice is saved")
    console.show("/staff")
    press(browser, "g q")
    wait_for_heading(browser, "Requests and messages")


def test_people_outside_the_staff_have_neither_keys_nor_a_switch(
    portico: RunningStack, chromium: Browser
) -> None:
    login = "no.keys@shelter.example.org"
    portico.create_provider(login, [])
    console = Console(portico, chromium)
    console.sign_in(login, realm="provider", at="/account")
    assert "Keyboard shortcuts" not in chromium.text
    assert chromium.evaluate("document.querySelector('#shortcuts, [data-keys]') === null")
    console.open("/account/shortcuts", "You cannot do this here")
