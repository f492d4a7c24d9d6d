"""The front door: an organisation's entrances, Find my portal, mails that lead to their page, help; by the keyboard, on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from tests.support.browser import PROGRAM, Browser, running_browser
from tests.support.pages import enter, follow, wait_for_heading
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

PROVIDER = "front.door@shelter.example.org"
TELEPHONE = "+1 415-555-0100"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """An empty page on a phone."""
    chromium.open_page(width=320, height=640)
    return chromium


@pytest.fixture(scope="module")
def referral(portico: RunningStack) -> str:
    """The id of a referral to a provider, after the organisation has published its telephone number and portals."""
    organisation = portico.admin.get("/v1/organisation")
    portico.admin.put(
        "/v1/organisation/public-facts",
        version=organisation["version"],
        short_name="harbor-211",
        telephone="(415) 555-0100",
        time_zone="America/Los_Angeles",
        published_realms=["provider", "patient", "employee"],
    )
    portico.import_sample()
    journey = portico.journey()
    program = journey.find_program("Night Shelter")
    queue = portico.admin.post("/v1/queues", name="Front door")
    portico.admin.put(f"/v1/queues/{queue['id']}/programs/{program['id']}")
    portico.create_provider(PROVIDER, [program["id"]])
    record = portico.staff.post("/v1/contact-records", first_name="Una", last_name="Doorstep")
    made = portico.staff.post(
        "/v1/referrals", contact_record_id=record["id"], queue_id=queue["id"], program_id=program["id"]
    )
    return str(made["id"])


def open_page(portico: RunningStack, browser: Browser, path: str) -> None:
    browser.go(portico.stack.public_url + path)


def sign_in(portico: RunningStack, browser: Browser) -> None:
    wait_for_heading(browser, "Sign in")
    enter(browser, "E-mail address or username", PROVIDER)
    enter(browser, "Password", portico.password_of(PROVIDER))
    browser.press("Enter")


@pytest.mark.seed("S0-44")
def test_the_mail_about_a_referral_leads_through_the_entrance_to_the_referral(
    portico: RunningStack, browser: Browser, referral: str
) -> None:
    mail = portico.journey().await_mail(PROVIDER, lambda mail: referral in mail["text"])
    assert "Harbor County · Provider Portal" in mail["text"]
    link = re.findall(r"https?://\S+", mail["text"])[0]
    browser.go(link)
    sign_in(portico, browser)
    browser.wait_for(f"location.pathname === '/provider/referrals/{referral}'")
    assert "Una" not in mail["text"]
    # The same mail once more, in the same session: straight to the page.
    browser.go(link)
    browser.wait_for(f"location.pathname === '/provider/referrals/{referral}'")
    browser.wait_for_text(TELEPHONE)
    follow(browser, "Help", 120)
    wait_for_heading(browser, "Change the status of a referral and write a note")
    # What is not there says whom to call.
    open_page(portico, browser, "/provider/nothing")
    wait_for_heading(browser, "This page cannot be found")
    assert TELEPHONE in browser.text
    open_page(portico, browser, "/")
    browser.wait_for("location.pathname === '/provider'")


def test_an_entrance_lists_the_ways_in_and_keeps_the_organisation(
    portico: RunningStack, browser: Browser, referral: str
) -> None:
    del referral  # the organisation has published its portals
    open_page(portico, browser, "/sign-in")
    wait_for_heading(browser, "Sign in")
    enter(browser, "Organisation, or your e-mail address", "Nowhere-at-all")
    browser.press("Enter")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    assert "No organisation here has this short name." in browser.text
    enter(browser, "Organisation, or your e-mail address", "Harbor-211")
    browser.press("Enter")
    wait_for_heading(browser, "Harbor County")
    assert browser.path == "/at/harbor-211"
    assert browser.evaluate(
        f"document.querySelector('a[href=\"tel:{TELEPHONE.replace(' ', '-')}\"]') !== null"
    )
    assert "For staff" not in browser.text
    follow(browser, "I have a pick-up code")
    wait_for_heading(browser, "I have a pick-up code")
    assert TELEPHONE in browser.text
    follow(browser, "Harbor County")
    follow(browser, "I am a registered patient")
    wait_for_heading(browser, "Set up or recover my access as a patient")
    follow(browser, "I know my password")
    wait_for_heading(browser, "Sign in")
    assert "Patient Portal · Harbor County" in browser.text
    # Somewhere that nobody has.
    open_page(portico, browser, "/at/nowhere-at-all")
    wait_for_heading(browser, "This page cannot be found")
    open_page(portico, browser, "/credentials")
    wait_for_heading(browser, "Set your password")
    assert TELEPHONE in browser.text


def test_find_my_portal_mails_where_and_says_the_same_to_everybody(
    portico: RunningStack, browser: Browser, referral: str
) -> None:
    del referral
    said = []
    for email in ("nobody.at.all@example.org", PROVIDER):
        open_page(portico, browser, "/")  # of several organisations
        wait_for_heading(browser, "Find my portal")
        enter(browser, "E-mail address", email)
        browser.press("Enter")
        wait_for_heading(browser, "Look at your e-mail")
        assert browser.path == "/find-my-portal?sent=1"
        said.append(browser.text)
    assert said[0] == said[1]
    mail = portico.journey().await_mail(PROVIDER, lambda mail: "/at/harbor-211" in mail["text"])
    browser.go(re.findall(r"https?://\S+", mail["text"])[0])
    wait_for_heading(browser, "Harbor County")
    follow(browser, "Provider Portal")
    sign_in(portico, browser)
    browser.wait_for("location.pathname === '/provider'")


def test_help_is_searched_without_scripts(portico: RunningStack, browser: Browser, referral: str) -> None:
    del referral
    open_page(portico, browser, "/help")
    wait_for_heading(browser, "Help")
    enter(browser, "What do you want to do?", "sign document")
    browser.press("Enter")
    browser.wait_for("location.search === '?q=sign+document'")
    follow(browser, "Read and sign a document")
    wait_for_heading(browser, "Read and sign a document")
    plain = requests.get(f"{portico.stack.public_url}/help", params={"q": "beds"}, timeout=10)
    assert "/help/capacity" in plain.text
    assert requests.get(
        f"{portico.url}/v1/public/organisation", params={"organisation": HARBOR}, timeout=10
    ).json()["realms"] == ["provider", "patient", "employee"]
