"""The Family Portal in a real browser, from the invitation to somebody else's profile, by the keyboard alone on a phone."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from services.chassis.database import Database
from services.identity.models import Account
from services.identity.sessions.models import LoginSession
from tests.support.browser import PROGRAM, Browser, running_browser
from tests.support.pages import enter, follow, reach, wait_for_heading
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

PASSWORD = "lantern-orchid-quarry-7"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """An empty page on a phone."""
    chromium.open_page(width=320, height=640)
    return chromium


def a_person(portico: RunningStack, kind: str, first_name: str, last_name: str, **members: str) -> str:
    given = {"first_name": first_name, "last_name": last_name, "kinds": [kind], **members}
    return str(portico.admin.post("/v1/people", **given)["id"])


def granted(portico: RunningStack, client_id: str, contact_id: str, role: str) -> None:
    """Let a contact reach the client's profile in this role."""
    portico.admin.post(f"/v1/clients/{client_id}/contacts", contact_id=contact_id, relation="daughter")
    portico.admin.post(f"/v1/clients/{client_id}/family-access/{contact_id}", role=role)


def sign_in(portico: RunningStack, browser: Browser, realm: str, login: str, password: str) -> None:
    browser.go(f"{portico.stack.public_url}/sign-in?organisation={HARBOR}&realm={realm}")
    enter(browser, "E-mail address or username", login)
    enter(browser, "Password", password)
    browser.press("Enter")


def end_sessions(portico: RunningStack, login: str) -> None:
    """Let the account's sessions have been idle for too long."""
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    whose = select(Account.id).where(Account.login == login)
    statement = update(LoginSession).where(LoginSession.account_id.in_(whose)).values(last_seen_at=past)
    database = Database(portico.stack.database_url("identity"))
    try:
        database.write(None, lambda session: session.execute(statement))
    finally:
        database.close()


@pytest.mark.seed("S1-3", "S1-15", "S1-16", "S1-21", "S1-32")
def test_a_contact_sees_the_profiles_that_are_open_one_at_a_time_as_far_as_the_role_goes(
    portico: RunningStack, browser: Browser
) -> None:
    email = "daughter.pages@example.org"
    rose = a_person(portico, "client", "Rose", "Ash", date_of_birth="1941-03-05", city="Harbor")
    ben = a_person(portico, "client", "Ben", "Birch <b>", home_phone="555-0177")
    daughter = a_person(portico, "contact", "Dora", "Ash", email=email)
    granted(portico, rose, daughter, "family")
    mail = portico.journey().await_mail(email, lambda each: "temporary password" in each["text"])
    temporary = re.search(r"temporary password: (\S+)", mail["text"])
    assert temporary is not None

    sign_in(portico, browser, "family", email, temporary[1])
    browser.wait_for_text("New password")
    enter(browser, "New password", PASSWORD)
    browser.press("Enter")
    wait_for_heading(browser, "Profiles that you may open")
    assert browser.path == "/family"
    granted(portico, ben, daughter, "physician")  # before the first sign-in it would send another password
    browser.send("Page.reload")
    browser.wait_for_text("Ben Birch")
    follow(browser, "Rose Ash")
    wait_for_heading(browser, "Profile of Rose Ash")
    assert "Your role: Family" in browser.text
    assert browser.evaluate("document.querySelector('main aside').innerText").startswith(" Rose Ash")
    assert "Ben" not in browser.text  # no mixed list: the other one is behind the switch
    follow(browser, "Another person")
    follow(browser, "Ben Birch <b>")
    wait_for_heading(browser, "Profile of Ben Birch <b>")
    assert "Your role, Physician, does not include this part." in browser.text
    assert "555-0177" not in browser.evaluate("document.documentElement.outerHTML")
    assert "Rose" not in browser.evaluate("document.querySelector('main section').innerText")

    path = f"/v1/clients/{ben}/family-access/{daughter}?confirm=true"
    portico.admin.delete(path, expect=204)
    browser.send("Page.reload")
    wait_for_heading(browser, "This page cannot be found")
    follow(browser, "Go to the start page")
    wait_for_heading(browser, "Profiles that you may open")
    assert "Ben" not in browser.text


@pytest.mark.seed("S2-130")
@pytest.mark.fault("F7")
@pytest.mark.parametrize("with_scripts", [True, False])
def test_a_patient_changes_details_and_loses_nothing_when_the_session_ends_meanwhile(
    portico: RunningStack, browser: Browser, with_scripts: bool
) -> None:
    login = f"ana.pages.{with_scripts}".lower()
    details = {"date_of_birth": "1980-02-29", "postal_code": "02139"}
    ana = a_person(portico, "patient", "Ana", "Ortiz", email=f"{login}@example.org", **details)
    portico.admin.put(
        f"/v1/patients/{ana}/credentials", username=login, password=PASSWORD, must_change=False,
        enable_access=True, attests_email_is_private=True,
    )  # fmt: skip

    def shown(heading: str) -> None:
        # What asks whether a page is good needs scripts.
        browser.wait_for_text(heading) if not with_scripts else wait_for_heading(browser, heading)

    browser.send("Emulation.setScriptExecutionDisabled", value=not with_scripts)
    sign_in(portico, browser, "patient", login, PASSWORD)
    shown("My record")
    assert browser.path == "/patient"
    assert "02139" in browser.text
    follow(browser, "Change what I may change")
    shown("My details")
    enter(browser, "Mobile phone", "555-0142")
    end_sessions(portico, login)
    browser.press("Enter")
    browser.wait_for_text("What you typed is kept")
    shown("Sign in")
    assert "555-0142" not in browser.evaluate("document.documentElement.outerHTML")
    enter(browser, "E-mail address or username", login)
    enter(browser, "Password", PASSWORD)
    browser.press("Enter")
    if not with_scripts:
        shown("You are signed in again")
        follow(browser, "Show what I typed")
    browser.wait_for_text("It has not been sent")
    shown("My details")
    read = f"/v1/people/{ana}"
    assert portico.admin.get(read)["mobile_phone"] is None
    reach(browser, "Mobile phone")
    assert browser.evaluate("document.activeElement.value") == "555-0142"
    browser.press("Enter")
    browser.wait_for_text("Your details are saved.")
    assert portico.admin.get(read)["mobile_phone"] == "555-0142"
