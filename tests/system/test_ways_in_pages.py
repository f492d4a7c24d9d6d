"""Every way to a password of one's own, walked on a phone from the mail alone, by the keyboard."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from sqlalchemy import select, update

from deploy.client import UnexpectedAnswer
from services.chassis.database import Database
from services.identity.credentials.models import CredentialLink
from services.identity.models import Account
from tests.support.browser import PROGRAM, Browser
from tests.support.pages import enter, follow, reach, wait_for_heading
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

LINK = re.compile(r"https?://\S+(/(?:credentials|verify-email)\?\S+#token=[A-Za-z0-9_-]+)")
PASSWORD = "lantern-orchid-quarry-7"
FACTS = {"date_of_birth": "1980-02-29", "postal_code": "02139"}


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """An empty page on a phone."""
    chromium.open_page(width=320, height=640)
    return chromium


def await_link(portico: RunningStack, email: str, *other: str) -> str:
    """The address of the newest mailed link to this address that is none of the others."""

    def fits(mail: dict[str, Any]) -> bool:
        found = LINK.search(mail["text"])
        return found is not None and found[1] not in other

    mail = portico.journey().await_mail(email, fits)
    return LINK.findall(mail["text"])[0]


def open_page(portico: RunningStack, browser: Browser, path: str) -> None:
    browser.go(portico.stack.public_url + path)


def sign_in(browser: Browser, login: str) -> None:
    """From the page that offers it."""
    follow(browser, "Sign in")
    wait_for_heading(browser, "Sign in")
    enter(browser, "E-mail address or username", login)
    enter(browser, "Password", PASSWORD)
    browser.press("Enter")
    browser.wait_for("document.querySelector('.account-menu') && document.readyState === 'complete'")
    browser.go(browser.evaluate("location.origin") + "/account")
    wait_for_heading(browser, "My account")
    assert login in browser.text


def expire_links(portico: RunningStack, email: str) -> None:
    """Let the account's links have ended an hour ago."""
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    owner = select(Account.id).where(Account.login == email).scalar_subquery()
    statement = update(CredentialLink).where(CredentialLink.account_id == owner).values(expires_at=past)
    database = Database(portico.stack.database_url("identity"))
    try:
        database.write(None, lambda session: session.execute(statement))
    finally:
        database.close()


def a_person(portico: RunningStack, kind: str, email: str, last_name: str, **members: str) -> str:
    given = {"first_name": "Ana", "last_name": last_name, "email": email, "kinds": [kind], **members}
    return str(portico.admin.post("/v1/people", **given)["id"])


def a_patient(portico: RunningStack, email: str, last_name: str, first_name: str = "Ana") -> str:
    person_id = a_person(portico, "patient", email, last_name, first_name=first_name, **FACTS)
    portico.admin.put(f"/v1/patients/{person_id}/portal-access", attests_email_is_private=True)
    return person_id


@pytest.mark.seed("S0-6", "S1-17")
def test_an_invitation_that_has_expired_is_replaced_and_ends_signed_in(
    portico: RunningStack, browser: Browser
) -> None:
    email = "expired.pages@harbor.example.org"
    account = portico.admin.post("/v1/accounts", email=email, first_name="Eve", last_name="Late")
    portico.admin.post(f"/v1/accounts/{account['id']}/invitations", expect=202)
    first = await_link(portico, email)
    expire_links(portico, email)

    open_page(portico, browser, first)
    wait_for_heading(browser, "This link of Harbor County has expired")
    assert browser.path == "/credentials"  # the secret is in no address
    follow(browser, "Send me a new link")
    wait_for_heading(browser, "Look at your e-mail")

    open_page(portico, browser, await_link(portico, email, first))
    wait_for_heading(browser, "Set your password for Harbor County")
    assert browser.evaluate("document.cookie").startswith(
        "time_zone="
    )  # the secret is out of reach of scripts
    browser.send("Page.reload")  # loses nothing
    wait_for_heading(browser, "Set your password for Harbor County")
    enter(browser, "New password", "short")
    browser.press("Enter")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    assert "15" in browser.text
    wait_for_heading(browser, "Set your password for Harbor County")
    enter(browser, "New password", PASSWORD)
    browser.press("Enter")
    wait_for_heading(browser, "Your password for Harbor County is set")
    sign_in(browser, email)


def test_a_form_sets_the_password_of_its_own_link_whatever_another_tab_has_opened(
    portico: RunningStack, browser: Browser
) -> None:
    links = []
    for email in (emails := ["one.tab@harbor.example.org", "other.tab@harbor.example.org"]):
        account = portico.admin.post("/v1/accounts", email=email, first_name="Eve", last_name="Late")
        portico.admin.post(f"/v1/accounts/{account['id']}/invitations", expect=202)
        links.append(await_link(portico, email))
    open_page(portico, browser, links[0])
    wait_for_heading(browser, "Set your password for Harbor County")
    # What another tab does: the page stays as it is.
    post = "fetch('/credentials', {method: 'POST', body: new URLSearchParams(form)})"
    form = "form = new FormData(document.querySelector('form[data-link]'))"
    token = links[1].partition("#token=")[2]
    browser.evaluate(f"{form}, form.set('link', '{token}'), {post}.then(it => it.text())")
    enter(browser, "New password", PASSWORD)
    browser.press("Enter")
    browser.wait_for_text("is set")
    portico.passwords |= dict.fromkeys(emails, PASSWORD)
    assert portico.log_in(HARBOR, emails[0])
    with pytest.raises(UnexpectedAnswer):
        portico.log_in(HARBOR, emails[1])


def test_a_link_without_scripts_is_pasted(portico: RunningStack, browser: Browser) -> None:
    email = "pasted.pages@harbor.example.org"
    account = portico.admin.post("/v1/accounts", email=email, first_name="Eve", last_name="Late")
    portico.admin.post(f"/v1/accounts/{account['id']}/invitations", expect=202)
    link = await_link(portico, email)
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    open_page(portico, browser, "/credentials")
    for pasted, said in (
        ("nonsense", "This link is not known"),
        (f"https://elsewhere.example{link}", "Set your password for Harbor County"),
    ):
        enter(browser, "The link of the e-mail", pasted)
        browser.press("Enter")
        browser.wait_for_text(said)
    enter(browser, "New password", PASSWORD)
    browser.press("Enter")
    browser.wait_for_text("Your password for Harbor County is set")


@pytest.mark.seed("S3-24", "S3-25", "S3-26", "S3-32", "S3-36")
def test_a_patient_gets_in_with_four_facts_and_learns_whose_link_it_is(
    portico: RunningStack, browser: Browser
) -> None:
    email = "ana.pages@example.org"
    person_id = a_patient(portico, email, "Ortiz")
    a_patient(portico, email, "Ortega", "Ben")
    open_page(portico, browser, f"/sign-in?organisation={HARBOR}&realm=patient")
    wait_for_heading(browser, "Sign in")
    follow(browser, "I am a registered patient")
    for last_name in ("Nobody", "Ortiz"):
        wait_for_heading(browser, "as a patient")
        enter(browser, "E-mail address", email)
        enter(browser, "Last name", last_name)
        reach(browser, "Date of birth")
        for key in "02291980":
            browser.send("Input.dispatchKeyEvent", type="char", text=key)
        enter(browser, "Postal code", "021 39")
        browser.press("Enter")
        wait_for_heading(browser, "Look at your e-mail")  # the same for both
        if last_name == "Nobody":
            follow(browser, "Enter it once more")
    told = portico.journey().await_mail(email, lambda mail: "could not be verified" in mail["subject"])
    assert "Nobody" not in told["text"]

    open_page(portico, browser, await_link(portico, email))
    wait_for_heading(browser, "Set your password for Harbor County")
    assert "Several people have this e-mail address. This access is for: Ana" in browser.text
    enter(browser, "Username", "ana.pages")
    enter(browser, "New password", PASSWORD)
    browser.press("Enter")
    wait_for_heading(browser, "Your password for Harbor County is set")
    sign_in(browser, "ana.pages")

    portico.admin.get(f"/v1/people/{person_id}")
    follow(browser, "Who opened my record")
    wait_for_heading(browser, "Who opened my record")
    assert "Personal data" in browser.text
    for part in ("Referrals", "Documents"):
        follow(browser, part)
        browser.wait_for_text("Nobody has opened this part of your record.")


@pytest.mark.seed("S3-36")
def test_a_patient_who_has_forgotten_the_password_sets_another_with_four_facts(
    portico: RunningStack, browser: Browser
) -> None:
    email, login = "forgets.pages@example.org", "forgets.pages"
    person_id = a_patient(portico, email, "Forgetful")
    portico.admin.put(
        f"/v1/patients/{person_id}/credentials", username=login, password="another-lantern-quarry-7",
        must_change=False, attests_email_is_private=True,
    )  # fmt: skip
    open_page(portico, browser, f"/sign-in?organisation={HARBOR}&realm=patient")
    wait_for_heading(browser, "Sign in")
    enter(browser, "E-mail address or username", login)
    enter(browser, "Password", PASSWORD)
    browser.press("Enter")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    follow(browser, "I am a registered patient, or I have forgotten my username")
    wait_for_heading(browser, "as a patient")
    enter(browser, "E-mail address", email)
    enter(browser, "Last name", "Forgetful")
    reach(browser, "Date of birth")
    for key in "02291980":
        browser.send("Input.dispatchKeyEvent", type="char", text=key)
    enter(browser, "Postal code", "02139")
    browser.press("Enter")
    wait_for_heading(browser, "Look at your e-mail")
    open_page(portico, browser, await_link(portico, email))
    wait_for_heading(browser, "Set your password for Harbor County")
    enter(browser, "New password", PASSWORD)
    browser.press("Enter")
    wait_for_heading(browser, "Your password for Harbor County is set")
    sign_in(browser, login)


@pytest.mark.seed("S2-114", "S2-115")
def test_an_employee_opens_an_account_with_the_mailed_code(portico: RunningStack, browser: Browser) -> None:
    email = "robin.pages@example.org"
    person_id = a_person(portico, "employee", email, "Quay")
    portico.admin.post(f"/v1/people/{person_id}/pickup-codes/sent", expect=202)
    mail = portico.journey().await_mail(email, lambda mail: "pick-up code" in mail["text"])
    code = re.findall(r"Your pick-up code: (\S+)", mail["text"])[0]
    address = re.findall(r"https?://[^/]+(/\S+)", mail["text"])[0]

    open_page(portico, browser, address)
    wait_for_heading(browser, "I have a pick-up code")
    for typed, password, said in (
        ("AAAA-BBBB", PASSWORD, "Ask for a new one"),
        (code.lower().replace("-", " "), "short", "15"),
    ):
        enter(browser, "Pick-up code", typed)
        enter(browser, "E-mail address or username", email)
        enter(browser, "New password", password)
        browser.press("Enter")
        browser.wait_for("document.activeElement.id === 'error-summary'")
        assert said in browser.text
        wait_for_heading(browser, "I have a pick-up code")
    enter(browser, "New password", PASSWORD)
    browser.press("Enter")
    wait_for_heading(browser, "Your portals")
    follow(browser, "Employee Portal")
    wait_for_heading(browser, "Welcome to Portico")


def test_a_changed_address_is_confirmed_by_its_mail(portico: RunningStack, browser: Browser) -> None:
    email, new = "before.pages@harbor.example.org", "after.pages@harbor.example.org"
    path = f"/v1/accounts/{portico.create_staff(email).get('/v1/me')['id']}"
    version = portico.admin.get(path)["version"]
    portico.admin.send("PATCH", path, 200, json={"email": new}, headers={"If-Match": f'"{version}"'})
    open_page(portico, browser, await_link(portico, new))
    wait_for_heading(browser, "Confirm your e-mail address")
    follow(browser, "Confirm it")
    wait_for_heading(browser, "Your e-mail address is confirmed")
    follow(browser, "Sign in")
    wait_for_heading(browser, "Sign in")
    assert browser.path == f"/at/{HARBOR}/staff"
