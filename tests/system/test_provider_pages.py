"""The provider portal in a real browser, by the keyboard alone."""

from __future__ import annotations

import datetime
import functools
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select, update

from deploy.client import Portico
from services.chassis.database import Database
from services.identity.models import Account
from services.identity.sessions.models import LoginSession
from tests.support.bars import hold_at_best
from tests.support.browser import PROGRAM, Browser
from tests.support.pages import choose, enter, follow, reach, require_good
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

PROVIDER = "pages.keeper@shelter.example.org"
# An answer begins after 400 ms, and comes with 50 kB a second.
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
FIRST_TEXT_MS = 2500
HOSTILE = (
    '<script>alert(1)</script><img src=x onerror=alert(2) hx-get="/v1/me" hx-trigger="load"> \u202egnirts'
)


@dataclass
class Shelter:
    """A program with capacity in a ReferralQ, and its provider."""

    portico: RunningStack
    queue: dict[str, Any]
    program: dict[str, Any]
    provider: Portico

    def refer(self, last_name: str, first_name: str = "Rosalind") -> dict[str, Any]:
        """A new referral to the program."""
        record = self.portico.staff.post(
            "/v1/contact-records", first_name=first_name, last_name=last_name, postal_code="94103"
        )
        given = {"queue_id": self.queue["id"], "program_id": self.program["id"]}
        return self.portico.staff.post("/v1/referrals", contact_record_id=record["id"], **given)

    def url(self, path: str) -> str:
        return self.portico.stack.public_url + path


@pytest.fixture(scope="module")
def shelter(portico: RunningStack) -> Shelter:
    journey = portico.journey()
    program = journey.find_program("Meals to the Door")
    queue = portico.admin.post("/v1/queues", name="Meals on pages")
    portico.admin.put(f"/v1/queues/{queue['id']}/programs/{program['id']}")
    journey.set_capacity(program, 20)
    _, provider = portico.create_provider(PROVIDER, [program["id"]])
    return Shelter(portico, queue, program, provider)


@pytest.fixture
def browser(chromium: Browser, shelter: Shelter) -> Browser:
    """An empty page of a browser in which the provider is signed in."""
    chromium.open_page()
    sign_in(chromium, shelter)
    return chromium


def sign_in(browser: Browser, shelter: Shelter, return_path: str = "/provider") -> None:
    address = f"/sign-in?organisation={HARBOR}&realm=provider&return_path={return_path}"
    browser.go(shelter.url(address))
    browser.wait_for("document.activeElement.id === 'sign_in-login'")
    browser.type(PROVIDER)
    browser.tab_to("sign_in-password")
    browser.type(shelter.portico.password_of(PROVIDER))
    browser.press("Enter")
    browser.wait_for(f"location.pathname === '{return_path}' && document.readyState === 'complete'")


def show(browser: Browser, shelter: Shelter, path: str) -> None:
    browser.go(shelter.url(path))
    browser.wait_for("document.readyState === 'complete'")


def test_a_status_is_changed_in_three_clicks_from_the_start_page(shelter: Shelter, browser: Browser) -> None:
    referral = shelter.refer("Threeclicks")
    number = referral["limited"]["contact_record_number"]
    show(browser, shelter, "/provider")
    require_good(browser)
    follow(browser, number)  # 1
    browser.wait_for_text(f"Referral {number}")
    require_good(browser)
    choose(browser, "New status", "Attempting Contact")  # 2
    browser.press("Enter")  # 3: sends the form
    browser.wait_for_text("The status is changed.")
    assert browser.focused == "done"
    require_good(browser)
    assert (
        shelter.provider.get(f"/v1/referrals/{referral['id']}")["limited"]["status"] == "Attempting Contact"
    )
    browser.send("Page.reload")
    browser.wait_for("document.readyState === 'complete'")
    history = shelter.provider.get(f"/v1/referrals/{referral['id']}/history")["items"]
    assert [line["kind"] for line in history] == ["assigned", "accepted"]  # the reload has changed nothing


def test_what_is_missing_is_told_beside_its_field_and_what_was_typed_stays(
    shelter: Shelter, browser: Browser
) -> None:
    referral = shelter.refer("Statusless")
    show(browser, shelter, f"/provider/referrals/{referral['id']}")
    reach(browser, "Note")
    browser.type("We have no place for a family of five.")
    follow(browser, "Change the status")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    require_good(browser)
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.textContent") == "New status: this is needed."
    browser.press("Enter")
    browser.wait_for("document.activeElement.id === 'change_status-status'")
    typed = "document.getElementById('change_status-note').value"
    assert browser.evaluate(typed) == "We have no place for a family of five."
    assert shelter.provider.get(f"/v1/referrals/{referral['id']}")["version"] == referral["version"]


def test_a_change_of_somebody_else_is_shown_and_what_was_typed_stays(
    shelter: Shelter, browser: Browser
) -> None:
    referral = shelter.refer("Conflicted")
    path = f"/v1/referrals/{referral['id']}"
    show(browser, shelter, f"/provider/referrals/{referral['id']}")
    shelter.provider.put(f"{path}/status", version=referral["version"], status="attempting_contact")
    choose(browser, "New status", "Enrolled")
    reach(browser, "Note")
    browser.type("Came in today.")
    follow(browser, "Change the status")
    browser.wait_for_text("Somebody else has changed this")
    require_good(browser)
    assert "Attempting Contact" in browser.text
    assert browser.evaluate("document.getElementById('change_status-note').value") == "Came in today."
    follow(browser, "Change the status")
    browser.wait_for_text("The status is changed.")
    assert shelter.provider.get(path)["limited"]["status"] == "Enrolled"


def test_capacity_is_confirmed_with_one_press_and_changed_with_few(
    shelter: Shelter, browser: Browser
) -> None:
    show(browser, shelter, "/provider")
    follow(browser, "Still right")
    browser.wait_for_text("The numbers are confirmed as they are.")
    follow(browser, "Change")
    browser.wait_for_text("Change it now")
    require_good(browser)
    enter(browser, "Places in all", "a dozen")
    browser.press("Enter")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    assert browser.evaluate("document.getElementById('set-total').value") == "a dozen"
    require_good(browser)
    enter(browser, "Places in all", "31")
    browser.press("Enter")
    browser.wait_for_text("The capacity is saved.")
    assert shelter.provider.get(f"/v1/programs/{shelter.program['id']}/capacity")["total"] == 31


def test_everything_works_without_scripts(shelter: Shelter, browser: Browser) -> None:
    referral = shelter.refer("Scriptless")
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    show(browser, shelter, f"/provider/referrals/{referral['id']}")
    choose(browser, "New status", "Enrolled")
    browser.press("Enter")
    browser.wait_for_text("The status is changed.")
    assert shelter.provider.get(f"/v1/referrals/{referral['id']}")["limited"]["status"] == "Enrolled"


@pytest.mark.parametrize("width", [320, 1280])
def test_every_page_is_good_in_light_and_dark(shelter: Shelter, browser: Browser, width: int) -> None:
    referral = shelter.refer("Pictured")
    capacity = shelter.provider.get(f"/v1/programs/{shelter.program['id']}/capacity")
    for scheme in ("light", "dark"):
        browser.show_as(prefers_color_scheme=scheme)
        browser.resize(width, 700)
        for path in (
            "/provider",
            "/provider/referrals",
            "/provider/referrals?number=99999999",
            "/provider/referrals?is_open=false",
            f"/provider/referrals/{referral['id']}",
            "/provider/referrals/" + "0" * 32,
            "/provider/capacity",
            f"/provider/capacity/{capacity['program_id']}/{capacity['line_id']}",
            "/account",
            "/account/sign-out",
        ):
            show(browser, shelter, path)
            require_good(browser)


@pytest.mark.parametrize("language", ["en-x-long", "ar-x-mirrored"])
def test_every_text_can_be_translated_and_the_page_mirrored(
    shelter: Shelter, browser: Browser, language: str
) -> None:
    browser.evaluate(f"document.cookie = 'language={language}; path=/; secure'")
    browser.resize(320, 700)
    for path in ("/provider", "/provider/referrals", "/provider/capacity", "/account"):
        show(browser, shelter, path)
        require_good(browser)
        assert browser.evaluate("document.documentElement.lang") == language
        assert browser.evaluate("getComputedStyle(document.body).direction") == (
            "rtl" if "ar" in language else "ltr"
        )
        labels = "[...document.querySelectorAll('h1, h2, th, label, button, nav a')]"
        texts = f"{labels}.filter(it => !it.closest('.languages')).map(it => it.textContent.trim())"
        left = [text for text in browser.evaluate(texts) if text and "[" not in text]
        assert left == [], path


def test_hostile_texts_are_shown_as_texts(shelter: Shelter, browser: Browser) -> None:
    referral = shelter.refer(HOSTILE[:100], "M" * 100)
    shelter.provider.post(f"/v1/referrals/{referral['id']}/notes", note=HOSTILE + "x" * 1800)
    browser.resize(320, 700)
    show(browser, shelter, f"/provider/referrals/{referral['id']}")
    require_good(browser)
    assert "onerror=alert(2)" in browser.text
    assert browser.evaluate("document.querySelectorAll('main img, main script, main [hx-get]').length") == 0


@pytest.mark.seed("S2-59")
def test_the_portal_has_the_organisations_name_colour_and_news(shelter: Shelter, browser: Browser) -> None:
    before = shelter.portico.admin.get("/v1/portals/provider")
    news = "**Closed** on Friday, *really*: [why](https://harbor.example.org/why) <b>not bold</b>"
    shelter.portico.admin.put(
        "/v1/portals/provider",
        version=before["version"],
        name="Harbor providers",
        colour="#7a1f5c",
        ticker=[{"text": news}],
    )
    show(browser, shelter, "/provider")
    require_good(browser)
    assert browser.evaluate("document.querySelector('.brand').textContent") == "Harbor providers"
    ground = "getComputedStyle(document.querySelector('.site-header')).backgroundColor"
    assert browser.evaluate(ground) == "rgb(122, 31, 92)"
    assert browser.evaluate("document.querySelector('aside strong').textContent") == "Closed"
    assert browser.evaluate("document.querySelector('aside a').href") == "https://harbor.example.org/why"
    assert browser.evaluate("document.querySelector('aside b')") is None
    assert "<b>not bold</b>" in browser.text


def test_who_signs_out_leaves_nothing_behind(shelter: Shelter, browser: Browser) -> None:
    referral = shelter.refer("Leftbehind")
    show(browser, shelter, f"/provider/referrals/{referral['id']}")
    assert "Leftbehind" in browser.text
    reach(browser, "Pat")
    browser.press("Enter")
    follow(browser, "Sign out")
    browser.wait_for_text("You are signed out.")
    browser.evaluate("history.back()")
    browser.wait_for("location.pathname === '/sign-in' && document.readyState === 'complete'")
    assert "Leftbehind" not in browser.text


def test_who_is_not_signed_in_comes_to_the_page_after_signing_in(shelter: Shelter, chromium: Browser) -> None:
    chromium.open_page()
    chromium.go(shelter.url("/provider/referrals?is_open=true"))
    chromium.wait_for("location.pathname === '/sign-in'")
    assert "return_path=%2Fprovider%2Freferrals%3Fis_open%3Dtrue" in chromium.path


def test_what_is_not_the_providers_is_not_found(shelter: Shelter, browser: Browser) -> None:
    record = shelter.portico.staff.post("/v1/contact-records", first_name="Una", last_name="Elsewhere")
    other = shelter.portico.journey().find_program("Night Shelter")
    queue = shelter.portico.admin.post("/v1/queues", name="Shelter on pages")
    shelter.portico.admin.put(f"/v1/queues/{queue['id']}/programs/{other['id']}")
    foreign = shelter.portico.staff.post(
        "/v1/referrals", contact_record_id=record["id"], queue_id=queue["id"], program_id=other["id"]
    )
    show(browser, shelter, f"/provider/referrals/{foreign['id']}")
    assert "may have been reassigned" in browser.text
    assert "Elsewhere" not in browser.evaluate("document.documentElement.outerHTML")


def test_who_is_about_to_be_signed_out_is_asked_and_comes_back_to_the_page(
    shelter: Shelter, browser: Browser
) -> None:
    let_sessions_end(shelter, datetime.timedelta(seconds=90))
    show(browser, shelter, "/provider/capacity")
    browser.wait_for("document.getElementById('session-end').open")
    require_good(browser)
    browser.wait_for("document.activeElement.id === 'session-stay'")
    let_sessions_end(shelter, -datetime.timedelta(seconds=1))
    browser.press("Enter")
    browser.wait_for("location.pathname === '/sign-in' && document.readyState === 'complete'")
    assert browser.path == "/sign-in?return_path=%2Fprovider%2Fcapacity"


@pytest.mark.full
def test_a_slow_network_shows_text_soon_and_two_presses_make_one_write(
    shelter: Shelter, chromium: Browser
) -> None:
    def open_cold() -> None:
        chromium.open_page()
        chromium.send("Network.emulateNetworkConditions", **SLOW)
        show(chromium, shelter, f"/at/{HARBOR}/provider")
        first_text = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        assert chromium.evaluate(first_text) <= FIRST_TEXT_MS

    hold_at_best(open_cold)
    referral = shelter.refer("Slowly")
    path = f"/provider/referrals/{referral['id']}"
    sign_in(chromium, shelter, path)
    choose(chromium, "New status", "Attempting Contact")
    chromium.press("Enter")
    chromium.press("Enter")
    chromium.wait_for_text("The status is changed.")
    chromium.wait_for("document.readyState === 'complete'")
    chromium.evaluate("document.querySelector('#note-note').value = 'Once.'")
    click_twice(chromium, "document.querySelector('#note-note').form.querySelector('button')")
    chromium.wait_for_text("The note is added.")
    lines = shelter.provider.get(f"/v1/referrals/{referral['id']}/history")["items"]
    assert [line["kind"] for line in lines] == ["assigned", "accepted", "note"]


ENTRANCES = (
    "/",
    "/help",
    "/find-my-portal",
    *(f"/at/{HARBOR}/{realm}" for realm in ("staff", "patient", "employee")),
)
SIGNED_IN = ("/provider", "/provider/referrals", "/provider/capacity", "/account")


@pytest.mark.full
@pytest.mark.timeout(300)
def test_every_entrance_and_page_of_a_provider_shows_text_soon_on_a_slow_network(
    shelter: Shelter, chromium: Browser
) -> None:
    shelter.refer("Slowlist")

    def open_cold(path: str) -> None:
        chromium.send("Network.clearBrowserCache")
        chromium.send("Network.emulateNetworkConditions", **SLOW)
        show(chromium, shelter, path)
        first_text = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        assert chromium.evaluate(first_text) <= FIRST_TEXT_MS, path

    chromium.open_page()
    for path in ENTRANCES:
        hold_at_best(functools.partial(open_cold, path))
    chromium.open_page()
    sign_in(chromium, shelter)
    for path in SIGNED_IN:
        hold_at_best(functools.partial(open_cold, path))


def click_twice(browser: Browser, element: str) -> None:
    """A double click with the mouse."""
    browser.evaluate(f"{element}.scrollIntoView({{block: 'center'}})")
    x, y = browser.evaluate(
        f"(it => [it.x + it.width / 2, it.y + it.height / 2])({element}.getBoundingClientRect())"
    )
    for count in (1, 2):
        for kind in ("mousePressed", "mouseReleased"):
            browser.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=count)


def let_sessions_end(shelter: Shelter, after: datetime.timedelta) -> None:
    """Let the provider's sessions in browsers and clients end then."""
    owner = select(Account.id).where(Account.login == PROVIDER).scalar_subquery()
    ends = update(LoginSession).where(LoginSession.account_id == owner)
    database = Database(shelter.portico.stack.database_url("identity"))
    try:
        at = datetime.datetime.now(datetime.UTC) + after
        database.write(None, lambda session: session.execute(ends.values(expires_at=at)))
    finally:
        database.close()
