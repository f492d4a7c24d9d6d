"""The pages to sign in and to set a password, in a real browser and by the keyboard alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import oidc_provider_mock
import pytest
from sqlalchemy import update

from deploy.client import Portico
from services.chassis.database import Database
from services.identity.models import Account
from tests.integration.identity.outside import real_provider
from tests.support.browser import PROGRAM, Browser
from tests.support.pages import follow
from tests.support.stack import HARBOR, RunningStack
from tests.system.test_ways_in import code_of

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

STAFF = "pages@harbor.example.org"
STRONG = "strong.pages@harbor.example.org"
OUTSIDE = "outside.pages@harbor.example.org"
SHORT = "plum tango"  # good beside a second factor only
LINK = re.compile(r"https?://\S+(/credentials\?\S+#token=[A-Za-z0-9_-]+)")
SIGN_IN = f"/sign-in?organisation={HARBOR}&realm=staff"


@pytest.fixture(scope="module")
def staff(portico: RunningStack) -> Portico:
    return portico.create_staff(STAFF)


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """An empty page of a browser that knows nothing of the test before."""
    chromium.open_page()
    return chromium


def open_sign_in(portico: RunningStack, browser: Browser, more: str = "") -> None:
    """The page, ready to type the login."""
    browser.go(portico.stack.public_url + SIGN_IN + more)
    browser.wait_for("document.activeElement.id === 'sign_in-login'")


def enter(browser: Browser, login: str, password: str) -> None:
    """Type both and press Enter."""
    browser.type(login)
    browser.tab_to("sign_in-password")
    browser.type(password)
    browser.press("Enter")


def refused(browser: Browser, field: str) -> str:
    """Wait for the summary of problems, which has the focus, and follow it to the field: the sentence beside that."""
    browser.wait_for("document.activeElement.id === 'error-summary'")
    assert browser.evaluate("document.title").startswith("Error: ")
    browser.press("Tab")
    said = browser.evaluate("document.activeElement.textContent")
    browser.press("Enter")
    browser.wait_for(f"document.activeElement.id === '{field}'")
    described = browser.evaluate("document.activeElement.getAttribute('aria-describedby').split(' ')[0]")
    assert browser.evaluate("document.activeElement.getAttribute('aria-invalid')") == "true"
    assert said in browser.evaluate(f"document.getElementById('{described}').textContent")
    return str(said)


def who_is_signed_in(portico: RunningStack, browser: Browser) -> Any:
    """The login of the session that the browser's cookie holds, otherwise why there is none."""
    browser.go(f"{portico.stack.public_url}/v1/me")
    answer = json.loads(browser.text)
    return answer.get("login") or answer["code"]


# With a password


def test_a_password_signs_in_and_the_browser_goes_on_where_it_wanted_to(
    portico: RunningStack, staff: Portico, browser: Browser
) -> None:
    open_sign_in(portico, browser, "&return_path=/healthz")
    enter(browser, STAFF, portico.password_of(STAFF))
    browser.wait_for("location.pathname === '/healthz'")
    assert who_is_signed_in(portico, browser) == STAFF
    seen = browser.evaluate("document.cookie.split(';').map(it => it.split('=')[0].trim())")
    assert set(seen) <= {"", "time_zone"}  # the session is out of reach of scripts


def test_a_wrong_password_says_the_same_as_a_login_that_does_not_exist(
    portico: RunningStack, staff: Portico, browser: Browser
) -> None:
    said = []
    for login in (STAFF, "nobody.at.all@harbor.example.org"):
        open_sign_in(portico, browser)
        enter(browser, login, "certainly not the password")
        said.append((refused(browser, "sign_in-password"), browser.text))
    assert said[0] == said[1]
    assert "wrong" in said[0][0]
    assert who_is_signed_in(portico, browser) == "unauthenticated"


def test_the_page_goes_on_to_no_other_site(portico: RunningStack, staff: Portico, browser: Browser) -> None:
    open_sign_in(portico, browser, "&return_path=//evil.example")
    enter(browser, STAFF, portico.password_of(STAFF))
    browser.wait_for("location.pathname === '/staff'")
    assert browser.evaluate("location.origin") == portico.stack.public_url


def test_a_temporary_password_is_replaced_on_the_way_in(portico: RunningStack, browser: Browser) -> None:
    email = "temporary.pages@harbor.example.org"
    portico.create_staff(email)
    write(portico, update(Account).where(Account.login == email).values(must_change_password=True))
    open_sign_in(portico, browser, "&return_path=/healthz")
    enter(browser, email, portico.password_of(email))
    browser.wait_for_text("Choose your password")
    assert browser.evaluate("document.title").startswith("Choose your password")  # no error
    browser.wait_for("document.activeElement.id === 'sign_in-new_password'")
    browser.tab_to("sign_in-new_password")
    browser.type("harbor")
    browser.press("Enter")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    assert "15" in refused(browser, "sign_in-new_password")
    portico.passwords[email] = "lantern-orchid-quarry-7"
    browser.type(portico.password_of(email))
    browser.press("Enter")
    browser.wait_for("location.pathname === '/healthz'")
    assert portico.log_in(HARBOR, email)


def test_a_forgotten_password_says_the_same_whoever_asks(
    portico: RunningStack, staff: Portico, browser: Browser
) -> None:
    for login in (STAFF, "nobody.at.all@harbor.example.org"):
        open_sign_in(portico, browser)
        follow(browser, "Forgotten password")
        browser.wait_for("document.activeElement.id === 'forgotten-login'")
        browser.type(login)
        browser.press("Enter")
        browser.wait_for_text("If there is an account, an e-mail")
    assert portico.journey().await_mail(STAFF, lambda mail: bool(LINK.search(mail["text"])))


# Second factor


def with_second_factor(owner: Portico) -> list[str]:
    """Set up a second factor for this account: the recovery codes."""
    secret = owner.post("/v1/me/second-factor")["secret"]
    answer = owner.post("/v1/me/second-factor/confirmation", expect=200, code=code_of(secret))
    return list(answer["recovery_codes"])


def test_a_second_factor_is_asked_for_and_after_it_was_lost_set_up_anew(
    portico: RunningStack, browser: Browser
) -> None:
    owner = portico.create_staff(STRONG)
    codes = with_second_factor(owner)
    owner.post("/v1/me/password", expect=204, password=portico.password_of(STRONG), new_password=SHORT)

    open_sign_in(portico, browser, "&return_path=/healthz")
    enter(browser, STRONG, SHORT)
    browser.wait_for("document.activeElement.id === 'complete-code'")
    browser.send("Page.reload")  # loses nothing
    browser.wait_for("document.readyState === 'complete' && document.activeElement.id === 'complete-code'")
    browser.type("000000")
    browser.press("Enter")
    assert "wrong" in refused(browser, "complete-code")
    browser.evaluate("document.activeElement.select()")
    browser.type(codes[0])
    browser.press("Enter")
    browser.wait_for("location.pathname === '/healthz'")
    assert who_is_signed_in(portico, browser) == STRONG

    account_id = owner.get("/v1/me")["id"]
    portico.admin.post(f"/v1/accounts/{account_id}/second-factor/reset", expect=204)
    open_sign_in(portico, browser, "&return_path=/healthz")
    enter(browser, STRONG, SHORT)
    browser.wait_for_text("you have none yet")
    follow(browser, "Set up a second factor")
    browser.wait_for("document.activeElement.id === 'complete-code'")
    assert browser.evaluate("document.querySelector('.qr svg') !== null")
    assert browser.evaluate("[...document.links].some(it => it.protocol === 'otpauth:')")
    browser.type(code_of(browser.evaluate("document.getElementById('key').textContent").replace(" ", "")))
    browser.press("Enter")
    browser.wait_for("location.pathname === '/sign-in/recovery-codes'")
    for _ in range(2):  # a reload loses nothing
        browser.wait_for("document.querySelectorAll('#codes code').length === 10")
        browser.send("Page.reload")
    browser.wait_for("document.readyState === 'complete'")
    follow(browser, "I have kept them")
    browser.wait_for("location.pathname === '/healthz'")
    assert who_is_signed_in(portico, browser) == STRONG
    browser.send("Network.deleteCookies", name="__Host-session", url=portico.stack.public_url)
    browser.go(f"{portico.stack.public_url}/sign-in/recovery-codes")  # they are of that session
    browser.wait_for("location.pathname === '/sign-in'")


def test_a_second_step_that_has_ended_is_begun_again(portico: RunningStack, browser: Browser) -> None:
    owner = portico.create_staff(email := "ended.step@harbor.example.org")
    with_second_factor(owner)
    open_sign_in(portico, browser, "&return_path=/healthz")
    enter(browser, email, portico.password_of(email))
    browser.wait_for("document.activeElement.id === 'complete-code'")
    assert browser.path == "/sign-in/step"  # the challenge is in no address
    browser.send("Network.clearBrowserCookies")
    browser.type("123456")
    browser.press("Enter")
    browser.wait_for_text("does not come from this site")
    browser.go(f"{portico.stack.public_url}/sign-in/step")
    browser.wait_for_text("was begun in another browser. Begin again.")


# With an outside provider


@pytest.fixture(scope="module")
def codes(portico: RunningStack) -> list[str]:
    """The recovery codes of a member of the staff with a second factor, who signs in outside."""
    return with_second_factor(portico.create_staff(OUTSIDE))


@pytest.fixture
def provider(portico: RunningStack, codes: list[str]) -> Iterator[list[str]]:
    """A real provider for Harbor's staff, one of whom has a second factor: its recovery codes."""
    user = oidc_provider_mock.User(sub="pages-subject", claims={"email": OUTSIDE, "email_verified": True})
    with real_provider([user]) as issuer:
        path = "/v1/realms/staff/identity-provider"
        client = {"client_id": "portico", "client_secret": "a-client-secret"}
        portico.admin.post(path, issuer=issuer, button_name="Harbor ID", **client)
        yield codes
        portico.admin.send("DELETE", path, 204, headers={"If-Match": '"1"'})


def test_an_outside_provider_signs_in_and_out(
    portico: RunningStack, provider: list[str], browser: Browser
) -> None:
    open_sign_in(portico, browser, "&return_path=/healthz")
    assert "Harbor ID" in browser.text
    browser.evaluate("document.activeElement.blur()")
    browser.tab_to("outside")
    browser.press("Enter")
    browser.wait_for("document.querySelector('input[name=sub]') !== null")
    browser.evaluate("document.querySelector('input[name=sub]').focus()")
    browser.type("pages-subject")
    browser.press("Enter")
    browser.wait_for("document.activeElement.id === 'complete-code'")
    browser.type(provider[0])
    browser.press("Enter")
    browser.wait_for("location.pathname === '/healthz'")
    assert who_is_signed_in(portico, browser) == OUTSIDE

    browser.go(f"{portico.stack.public_url}/sign-in")  # from where the API may be asked
    sign_out = "fetch('/v1/sessions/current/sign-out', {method: 'POST', headers: {'X-Portico-Request': '1'}})"
    url = browser.evaluate(f"{sign_out}.then(it => it.json()).then(it => it.sign_out_url)")
    assert who_is_signed_in(portico, browser) == "unauthenticated"
    browser.go(url)
    browser.wait_for("document.querySelector('form') !== null")
    browser.evaluate("document.querySelector('form').submit()")
    browser.wait_for_text("You are signed out.")
    assert browser.path == f"{SIGN_IN}&signed_out=1"


def test_an_outside_account_is_removed_by_its_owner(
    portico: RunningStack, provider: list[str], browser: Browser
) -> None:
    owner = portico.create_staff(email := "unlinks.pages@harbor.example.org")
    path = f"/v1/accounts/{owner.get('/v1/me')['id']}/outside-identities"
    portico.admin.post(path, subject="unlinked-subject")
    open_sign_in(portico, browser, "&return_path=/account")
    enter(browser, email, portico.password_of(email))
    browser.wait_for_text("Outside sign-in")
    browser.wait_for("document.readyState === 'complete'")
    button = "[...document.querySelectorAll('button')].find(it => it.textContent.startsWith('Remove'))"
    browser.evaluate(f"{button}.focus()")
    browser.press("Enter")
    browser.wait_for_text("The outside sign-in is removed.")
    assert portico.admin.get(path)["items"] == []


def test_who_turns_back_at_the_provider_hears_so_and_of_a_strangers_words_none(
    portico: RunningStack, browser: Browser
) -> None:
    address = f"{SIGN_IN}&problem=outside_sign_in_refused&reason="
    browser.go(f"{portico.stack.public_url}{address}provider_said_access_denied")
    browser.wait_for_text("You were not signed in at your sign-in service.")
    browser.go(f"{portico.stack.public_url}{address}Call+998-0100+now")
    browser.wait_for_text("no account here can be used with it")
    assert "998" not in browser.text


def write(portico: RunningStack, statement: Any) -> None:
    """Change identity's data past the service."""
    database = Database(portico.stack.database_url("identity"))
    try:
        database.write(None, lambda session: session.execute(statement))
    finally:
        database.close()


def test_signing_in_works_without_scripts(portico: RunningStack, staff: Portico, browser: Browser) -> None:
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    open_sign_in(portico, browser, "&return_path=/healthz")
    enter(browser, STAFF, "certainly not the password")
    browser.wait_for("document.title.startsWith('Error: ')")
    assert browser.evaluate("document.getElementById('sign_in-login').value") == STAFF
    assert browser.evaluate("document.getElementById('sign_in-password').value") == ""
    browser.tab_to("sign_in-password")
    browser.type(portico.password_of(STAFF))
    browser.press("Enter")
    browser.wait_for("location.pathname === '/healthz'")
    assert who_is_signed_in(portico, browser) == STAFF


def test_the_pages_fit_a_phone_and_say_their_language(portico: RunningStack, browser: Browser) -> None:
    browser.resize(320, 640)
    for path in (
        f"{SIGN_IN}&problem=outside_provider_failed&reason=too_slow",
        "/credentials",
        "/verify-email",
        "/pickup-code",
        "/patient-access",
    ):
        browser.go(portico.stack.public_url + path)
        browser.wait_for("document.readyState === 'complete'")
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert browser.evaluate("document.documentElement.lang") == "en"
        unlabelled = "[...document.querySelectorAll('input:not([type=hidden])')].filter(it => !it.labels.length).length"
        assert browser.evaluate(unlabelled) == 0, path
