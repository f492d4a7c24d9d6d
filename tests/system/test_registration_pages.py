"""The electronic registration form in a real browser: from an empty form to the patient's own record."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.browser import PROGRAM, Browser, running_browser
from tests.support.pages import enter, follow, wait_for_heading
from tests.support.stack import HARBOR, RunningStack
from tests.system.test_ways_in_pages import PASSWORD, await_link, open_page

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.mark.seed("S3-29", "S3-30")
def test_somebody_registers_confirms_the_address_and_reaches_the_own_record(
    portico: RunningStack, chromium: Browser
) -> None:
    browser, email = chromium, "new.patient@example.org"
    browser.open_page(width=320, height=640)
    open_page(portico, browser, f"/sign-in?organisation={HARBOR}&realm=patient")
    follow(browser, "I am new here")
    wait_for_heading(browser, "Register as a patient of Harbor County")
    enter(browser, "First name", "see evil.example")
    browser.press("Enter")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    wait_for_heading(browser, "Register as a patient of Harbor County")
    # Each beside its field, and all at once.
    problems = "[...document.querySelectorAll('.field-problem')].map(it => it.id)"
    assert browser.evaluate(problems) == [
        f"register-{name}-problem"
        for name in ("first_name", "last_name", "date_of_birth", "email", "postal_code")
    ]
    facts = {"E-mail address": email, "Last name": "Newman", "Postal code of your home": "94103"}
    typed = {"first_name": "Nora", "last_name": "Newman", "email": email, "postal_code": "94103"}
    for name, text in typed.items():  # the summary's links have the same words
        browser.evaluate(f"document.getElementById('register-{name}').select()")
        browser.type(text)
    browser.evaluate("document.getElementById('register-date_of_birth').value = '1990-05-06'")
    follow(browser, "Register")
    wait_for_heading(browser, "Look at your e-mail")
    assert email not in browser.path
    (line,) = [
        each
        for each in portico.admin.get("/v1/patients?origin=registered&limit=200")["items"]
        if each["email"] == email
    ]
    assert (line["colour"], line["is_enabled"]) == ("red", False)

    link = await_link(portico, email)
    open_page(portico, browser, link)
    wait_for_heading(browser, "Confirm your e-mail address")
    follow(browser, "Confirm it")
    wait_for_heading(browser, "Your e-mail address is confirmed")
    follow(browser, "Set up my access")
    for label, text in facts.items():
        enter(browser, label, text)
    browser.evaluate("document.getElementById('ask-date_of_birth').value = '1990-05-06'")
    follow(browser, "Continue")
    wait_for_heading(browser, "Look at your e-mail")
    open_page(portico, browser, await_link(portico, email, link))
    wait_for_heading(browser, "Set your password for Harbor County")
    browser.wait_for("document.activeElement.id === 'set_password-username'")
    browser.type("nora.newman")
    enter(browser, "New password", PASSWORD)
    browser.press("Enter")
    wait_for_heading(browser, "Your password for Harbor County is set")
    follow(browser, "Sign in")
    enter(browser, "E-mail address or username", "nora.newman")
    enter(browser, "Password", PASSWORD)
    browser.press("Enter")
    wait_for_heading(browser, "My record")
    assert "Nora Newman" in browser.text


def test_an_organisation_that_takes_no_registrations_says_so(
    portico: RunningStack, chromium: Browser
) -> None:
    chromium.open_page(width=320, height=640)
    open_page(portico, chromium, "/register?organisation=nowhere")
    wait_for_heading(chromium, "Register as a patient")
    assert "No organisation here has this short name." in chromium.text
