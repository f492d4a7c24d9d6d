"""Everybody's own account in a real browser, by the keyboard alone."""

from __future__ import annotations

import datetime
import re

import pytest
from sqlalchemy import select, update

from deploy.client import Portico
from services.chassis.database import Database
from services.identity.models import Account
from services.identity.sessions.models import LoginSession
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import enter, follow, require_good, wait_for_heading
from tests.support.stack import HARBOR, RunningStack
from tests.system.test_ways_in import code_of

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """An empty page on a phone."""
    chromium.open_page(width=320, height=640)
    return chromium


def signed_in(portico: RunningStack, browser: Browser, email: str, path: str) -> None:
    """The page, by somebody who has just signed in."""
    browser.go(f"{portico.stack.public_url}/sign-in?organisation={HARBOR}&realm=staff&return_path={path}")
    browser.wait_for("document.activeElement.id === 'sign_in-login'")
    browser.type(email)
    enter(browser, "Password", portico.password_of(email))
    browser.press("Enter")
    browser.wait_for(f"location.pathname === '{path}'")


def forget_proofs(portico: RunningStack, email: str) -> None:
    """Let the person have signed in an hour ago."""
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    owner = select(Account.id).where(Account.login == email).scalar_subquery()
    statement = update(LoginSession).where(LoginSession.account_id == owner).values(proven_at=past)
    database = Database(portico.stack.database_url("identity"))
    try:
        database.write(None, lambda session: session.execute(statement))
    finally:
        database.close()


def test_a_password_is_changed_and_one_of_several_devices_signed_out(
    portico: RunningStack, browser: Browser
) -> None:
    email, new = "changes.account@harbor.example.org", "violet-harbour-lantern-9"
    portico.create_staff(email)
    signed_in(portico, browser, email, "/account")
    wait_for_heading(browser, "My account")
    portico.log_in(HARBOR, email)
    follow(browser, "Change my password")
    wait_for_heading(browser, "Change my password")
    for now, said in (("certainly wrong it is", "wrong"), (portico.password_of(email), "is changed")):
        enter(browser, "Your password now", now)
        enter(browser, "New password", new)
        browser.press("Enter")
        browser.wait_for_text(said)
    wait_for_heading(browser, "My account")
    assert "Another device" not in browser.text
    assert "Sign this device out" not in browser.text

    portico.passwords[email] = new
    others = [portico.log_in(HARBOR, email) for _ in range(2)]
    browser.send("Page.reload")
    wait_for_heading(browser, "My account")
    follow(browser, "Sign this device out")  # the newest is listed first
    browser.wait_for_text("The device is signed out.")
    wait_for_heading(browser, "My account")
    assert others[0].get("/v1/me")["login"] == email
    assert others[1].get("/v1/me", expect=401)


def test_a_second_factor_from_setting_it_up_to_taking_it_away_with_a_proof_on_the_way(
    portico: RunningStack, browser: Browser
) -> None:
    email = "strong.account@harbor.example.org"
    portico.create_staff(email)
    signed_in(portico, browser, email, "/account")
    forget_proofs(portico, email)
    follow(browser, "Set it up")
    wait_for_heading(browser, "Second factor")
    follow(browser, "Set up a second factor")
    wait_for_heading(browser, "Is it you?")
    for password in ("certainly wrong it is", portico.password_of(email)):
        enter(browser, "Password", password)
        browser.press("Enter")
        if password != portico.password_of(email):
            browser.wait_for("document.activeElement.id === 'error-summary'")
            wait_for_heading(browser, "Is it you?")
    browser.wait_for("document.querySelector('.qr svg') !== null")  # what was asked for goes on
    assert browser.path.startswith("/account/second-factor")
    browser.send("Page.reload")  # loses nothing
    browser.wait_for("document.readyState === 'complete' && document.querySelector('.qr svg') !== null")
    wait_for_heading(browser, "Second factor")
    secret = browser.evaluate("document.getElementById('key').textContent").replace(" ", "")
    enter(browser, "Code of your second factor", "000000")
    browser.press("Enter")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    enter(browser, "Code of your second factor", code_of(secret))
    browser.press("Enter")
    browser.wait_for("document.querySelectorAll('#codes code').length === 10")
    wait_for_heading(browser, "Second factor")
    codes = browser.evaluate("[...document.querySelectorAll('#codes code')].map(it => it.textContent)")
    follow(browser, "I have kept them")
    wait_for_heading(browser, "My account")

    forget_proofs(portico, email)
    follow(browser, "Recovery codes, remove")
    browser.wait_for("document.querySelectorAll('#codes code').length === 10")  # for a while
    browser.evaluate("document.activeElement.blur()")
    browser.send("Network.deleteCookies", name="__Host-kept", url=portico.stack.public_url)
    browser.send("Page.reload")
    browser.wait_for_text("10 recovery codes are left.")
    follow(browser, "Remove the second factor")
    wait_for_heading(browser, "Is it you?")
    enter(browser, "Code of your second factor", codes[0])
    browser.press("Enter")
    browser.wait_for_text("The second factor is removed.")
    wait_for_heading(browser, "Second factor")


def test_who_has_no_record_of_their_own_is_told_so(portico: RunningStack, browser: Browser) -> None:
    email = "openings.account@harbor.example.org"
    portico.create_staff(email)
    signed_in(portico, browser, email, "/account/openings")
    wait_for_heading(browser, "Who opened my record")
    assert "no record of a person" in browser.text


def test_a_mobile_number_is_confirmed_by_the_code_that_went_to_it_and_removed_again(
    portico: RunningStack, browser: Browser
) -> None:
    email, address = "texted.account@harbor.example.org", "14155552671@text.example.org"
    portico.create_staff(email)
    signed_in(portico, browser, email, "/account")
    assert "Send me a text message as well about" not in browser.text
    for number, said in (("12", "A telephone number such as"), ("(415) 555-2671", "A code is on its way")):
        enter(browser, "Number of your mobile telephone", number)
        browser.press("Enter")
        browser.wait_for_text(said)
    mail = portico.journey().await_mail(address, lambda _: True)
    code = re.findall(r"\b\d{6}\b", mail["text"])[0]
    for given, said in (
        (f"{(int(code) + 1) % 10**6:06d}", "The code is wrong or too old"),
        (code, "The number is confirmed."),
    ):
        enter(browser, "Code from the text message", given)
        browser.press("Enter")
        browser.wait_for_text(said)
    assert "+1 415-555-2671" in browser.text
    while browser.evaluate("document.activeElement.name + document.activeElement.value") != "texteddocuments":
        browser.press("Tab")
    browser.press(" ")
    follow(browser, "Save")
    browser.wait_for_text("Your choice is saved.")
    assert browser.evaluate("document.querySelectorAll('[name=texted]:checked').length") == 1
    require_good(browser)
    follow(browser, "Remove the number")
    browser.wait_for_text("The number is removed.")
    assert "Send me a text message as well about" not in browser.text


@pytest.mark.seed("S2-130")
def test_a_change_of_details_waits_for_staff_where_the_realm_says_so(
    portico: RunningStack, browser: Browser
) -> None:
    console, api, login = Console(portico, browser), portico.admin, "dora@details.example.org"
    given = {"first_name": "Dora", "last_name": "Details", "email": login, "kinds": ["employee"]}
    person = api.post("/v1/people", **given)["id"]
    code = api.post(f"/v1/people/{person}/pickup-codes")["code"]
    portico.passwords[login] = "lantern-orchid-quarry-7"
    redeem = {"organisation": HARBOR, "code": code, "login": login, "password": portico.passwords[login]}
    Portico(portico.url).send("POST", "/v1/pickup-codes/redeem", 200, json=redeem)
    console.sign_in(f"admin@{HARBOR}.example.org", at="/staff/realms/employee/entry")
    console.tick("Staff accept each change before it holds")
    console.sends("Save", "saved")
    console.sign_in(login, realm="employee", at="/account/settings")
    enter(browser, "Home phone", "555 0100")
    console.sends("Ask for the change", "You have asked for the change")
    assert "You asked for this change" in browser.text
    assert api.get(f"/v1/people/{person}")["home_phone"] is None
    follow(browser, "Ask for the change")
    console.refused("Nothing differs from what is kept now")
    [item] = [
        each for each in api.get("/v1/portal-queue")["items"] if each["type"] == "change_of_my_information"
    ]
    console.sign_in(f"admin@{HARBOR}.example.org", at=f"/staff/queue/{item['id']}")
    assert "555 0100" in console.row("Home phone")
    follow(browser, "Completed")
    console.refused("The record does not have this change yet")
    console.sends("Accept: change the record", "The record is changed, and the request is completed")
    assert api.get(f"/v1/people/{person}")["home_phone"] == "555 0100"
    console.sign_in(login, realm="employee", at="/account/settings")
    assert "You asked for this change" not in browser.text
    told = "The change that you asked for was looked at"
    portico.journey().await_mail(login, lambda each: "has looked at the change" in each["text"])
    console.open("/account/notices", "Notices")
    console.follow(told, "Change of My Information")
    assert "Accepted: your record has the change" in browser.text
    assert "Home phone" in browser.text
    assert "555 0100" in browser.text
    # One that is not accepted leaves the record as it is, and says so.
    console.open("/account/settings", "My details")
    enter(browser, "Home phone", "555 0199")
    console.sends("Ask for the change", "You have asked for the change")
    [item] = [
        each for each in api.get("/v1/portal-queue")["items"] if each["type"] == "change_of_my_information"
    ]
    console.sign_in(f"admin@{HARBOR}.example.org", at=f"/staff/queue/{item['id']}")
    console.sends("Will not be completed", "It is in the archive now")
    console.sign_in(login, realm="employee", at="/portal/employee/messages")
    assert "Not accepted. Look at your details to see what they say now." in browser.text
    assert api.get(f"/v1/people/{person}")["home_phone"] == "555 0100"
    console.sign_in(f"admin@{HARBOR}.example.org", at="/staff/realms/employee/entry")
    console.tick("Staff accept each change before it holds")
    console.sends("Save", "saved")
