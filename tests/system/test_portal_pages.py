"""Portals that staff make, and the start page of an employee, by the keyboard alone."""

from __future__ import annotations

import re

import pytest

from deploy.client import Portico
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import choose, enter, follow, wait_for_heading
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{HARBOR}.example.org"
PASSWORD = "lantern-orchid-quarry-7"
EMPLOYEE = "north.employee@pages.example.org"


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Console:
    console = Console(portico, chromium)
    console.sign_in(ADMIN, at="/staff/administration")
    return console


@pytest.mark.seed(
    "S2-38", "S2-45", "S2-47", "S2-53", "S2-55", "S2-56", "S2-60", "S2-81", "S2-110", "S2-123", "S2-141"
)
def test_staff_make_a_portal_of_an_employer_and_its_employee_uses_it(
    portico: RunningStack, console: Console
) -> None:
    _a_portal_is_made(portico, console)
    _it_is_given_words_and_links(portico, console)
    _it_has_news_and_pictures(portico, console)
    _a_sample_is_looked_at_and_published(portico, console)
    _an_employee_has_an_account(portico)
    _the_employee_finds_it(console)
    _off_it_is_not_found(portico, console)


def _a_portal_is_made(portico: RunningStack, console: Console) -> None:
    browser = console.browser
    console.follow("Portals", "Portals")
    console.follow("New portal", "New portal")
    console.pick("For whom", "Employees")
    enter(browser, "Address", "employee")
    enter(browser, "Employer (optional)", "North Plant")
    follow(browser, "Create")
    console.refused("Another portal has this address")
    enter(browser, "Address", "north-plant")
    follow(browser, "Create")
    console.done("It is off until you enable it")
    wait_for_heading(browser, "Portal north-plant")
    assert portico.admin.get("/v1/public/harbor/portals/north-plant", expect=404)["code"] == "not_found"
    console.tick("The portal is on")
    console.sends("Save", "The portal is saved")


def _it_is_given_words_and_links(portico: RunningStack, console: Console) -> None:
    browser = console.browser
    saved = "The draft is saved"
    console.follow("Welcome and words", "Welcome and words")
    enter(browser, "Name in the welcome (optional)", "North Health")
    enter(browser, "Text under the welcome (optional)", "For each patient of ours.")
    enter(browser, "One (optional)", "colleague")
    console.sends("Save the draft", saved)
    console.follow("Words of pages", "Words of pages")
    enter(browser, "Above the form (optional)", "Ring **555 0100** or read [the help](/help).")
    enter(browser, "I have a pick-up code (optional)", "I have a letter")
    enter(browser, "Heading (optional)", "Not for each patient")
    enter(browser, "Start page (optional)", "Begin with the news.")
    console.sends("Save the draft", saved)
    console.follow("Other Health Resources", "Other Health Resources")
    enter(browser, "Title (optional)", "Patient guides")
    enter(browser, "Title of link 1 (optional)", "Lifting")
    enter(browser, "Address of link 1 (optional)", "javascript:alert(1)")
    follow(browser, "Save the draft")
    console.refused("https://")
    enter(browser, "Address of link 1 (optional)", "https://intranet.example.org/lifting")
    console.pick("Kind of link 1 (optional)", "Form")
    console.sends("Save the draft", saved)
    _a_panel_is_deleted_and_taken_back(portico, console)
    console.follow("Support", "Support")
    enter(browser, "Name (optional)", "Nurse line")
    enter(browser, "E-mail (optional)", "nurses@example.org")
    console.sends("Save the draft", saved)
    console.follow("Modules", "Modules")
    console.pick("Columns", "3")
    console.pick("Module (optional)", "Support")
    enter(browser, "Own name (optional)", "Ask us")
    enter(browser, "Colour (optional)", "#146c43")
    console.sends("Save the draft", saved)
    kept = portico.admin.get("/v1/portals/north-plant/draft")
    assert (kept["columns"], len(kept["modules"])) == (3, 7)
    assert kept["modules"][-1]["name"] == "Ask us"


def _a_panel_is_deleted_and_taken_back(portico: RunningStack, console: Console) -> None:
    """Nothing happens before the form is sent, and the arrows put the panels in order (S2-81)."""
    browser = console.browser
    browser.evaluate("document.querySelectorAll('[data-moves]').length")
    follow(browser, "Delete: Patient guides")
    assert browser.evaluate("document.querySelector('fieldset.is-removed legend').textContent.trim()")
    follow(browser, "Undelete: Patient guides")
    assert browser.evaluate("document.querySelector('fieldset.is-removed') === null")
    follow(browser, "Down: Patient guides")
    console.sends("Save the draft", "The draft is saved")
    [panel] = portico.admin.get("/v1/portals/north-plant/draft")["resources"]
    assert panel["links"] == [
        {
            "kind": "form",
            "title": "Lifting",
            "url": "https://intranet.example.org/lifting",
            "questionnaire_id": None,
        }
    ]


def _it_has_news_and_pictures(portico: RunningStack, console: Console) -> None:
    browser = console.browser
    console.follow("News", "News")
    enter(browser, "Text (optional)", "**Closed** on Monday")
    console.sends("Save the draft", "The draft is saved")
    follow(browser, "Get Editing Help")
    assert "Everything else is shown as it is written" in browser.text
    console.follow("Images", "Images")
    console.sends("Take this picture: A path through green hills under a bright sky", "Choose it now")
    enter(browser, "What it shows", "A path through the hills")
    console.sends("Choose", "The draft is saved")
    console.follow("Look", "Look")
    enter(browser, "Name", "North Plant Health")
    enter(browser, "Colour", "#7a0019")
    console.sends("Save the draft", "The draft is saved")


def _a_sample_is_looked_at_and_published(portico: RunningStack, console: Console) -> None:
    browser = console.browser
    console.follow("Show Sample", "Sample")
    for words in ("Welcome to North Health", "For each colleague of ours.", "Ask us", "Closed on Monday"):
        assert words in browser.text, words
    follow(browser, "Sign-in page")
    browser.wait_for("document.getElementById('sample-password') !== null")
    assert "North Plant Health · Harbor County" in browser.text
    assert "Ring 555 0100 or read the help." in browser.text
    assert "I have a letter" in browser.text
    follow(browser, "Page that is not open")
    browser.wait_for("document.body.innerText.includes('Not for each colleague')")
    follow(browser, "Start page")
    browser.wait_for("document.getElementById('sample-password') === null")
    follow(browser, "Phone")
    browser.wait_for("document.querySelector('.sample-phone') !== null")
    follow(browser, "Dark")
    browser.wait_for("document.querySelector('.sample[data-bs-theme=dark]') !== null")
    wait_for_heading(browser, "Sample")
    console.follow("Publish", "Publish")
    assert "North Health" in console.row("product name")
    assert portico.admin.get("/v1/portals/north-plant/home")["product_name"] == "Portico"
    console.sends("Publish this draft", "The portal is published")
    assert portico.admin.get("/v1/portals/north-plant/home")["product_name"] == "North Health"
    console.follow("Checklist", "Before this portal goes live")


def _an_employee_has_an_account(portico: RunningStack) -> None:
    given = {"first_name": "Nora", "last_name": "North", "email": EMPLOYEE, "kinds": ["employee"]}
    person = portico.admin.post("/v1/people", **given)
    code = portico.admin.post(f"/v1/people/{person['id']}/pickup-codes")["code"]
    redeemed = {"organisation": HARBOR, "code": code, "login": EMPLOYEE, "password": PASSWORD}
    Portico(portico.url).send("POST", "/v1/pickup-codes/redeem", 200, json=redeemed)


def _the_employee_finds_it(console: Console) -> None:
    browser = console.browser
    browser.open_page()
    console.show("/at/harbor/north-plant")
    assert "North Plant Health" in browser.text
    assert "7a0019" in browser.evaluate("document.querySelector('link[href*=theme-]').href")
    assert browser.evaluate("document.querySelector('.welcome-image').naturalWidth") == 650
    assert "Ring 555 0100 or read the help." in browser.text
    assert "I have a letter" in browser.text
    enter(browser, "E-mail address or username", EMPLOYEE)
    enter(browser, "Password", PASSWORD)
    browser.press("Enter")
    wait_for_heading(browser, "Welcome to North Health")
    follow(browser, "Help for this page")
    assert "Begin with the news." in browser.text
    assert "For each colleague of ours." in browser.text
    assert browser.evaluate("document.querySelector('.welcome-image').alt") == "A path through the hills"
    _what_is_not_open_says_so_in_its_own_words(console)
    _the_news_pass_by_until_they_are_paused(console)
    assert browser.evaluate("document.querySelectorAll('.tab-colour').length") == 1
    console.follow("Ask us", "Ask us")
    assert "nurses@example.org" in browser.text
    console.follow("Start", "Welcome to North Health")
    console.follow("Other Health Resources", "Other Health Resources")
    assert "Colleague guides" in browser.text
    assert (
        browser.evaluate("document.querySelector('main section a').href")
        == "https://intranet.example.org/lifting"
    )


def _what_is_not_open_says_so_in_its_own_words(console: Console) -> None:
    path = "/v1/portals/provider/content"
    headers = {"If-Match": f'"{console.api.get(path)["version"]}"'}
    own = {"notices": {"no_permission": {"heading": "For providers only", "text": "Ask the county."}}}
    console.api.send("PATCH", path, 200, json=own, headers=headers)
    console.open("/portal/provider", "For providers only")
    assert "Ask the county." in console.browser.text
    console.open("/portal/north-plant", "Welcome to North Health")


def _the_news_pass_by_until_they_are_paused(console: Console) -> None:
    browser = console.browser
    moving = "getComputedStyle(document.querySelector('.ticker li.now')).animationPlayState"
    # Whoever wants no movement has a list that stands still.
    assert "Closed on Monday" in browser.text
    assert browser.evaluate("document.querySelector('.ticker .now, .ticker button') === null")
    browser.show_as(prefers_reduced_motion="no-preference")
    console.show("/portal/north-plant")
    browser.wait_for("document.querySelector('.ticker li.now') !== null")
    assert browser.evaluate(moving) == "running"
    follow(browser, "Pause")
    assert browser.evaluate(moving) == "paused"
    browser.show_as()
    console.open("/portal/north-plant", "Welcome to North Health")


def _off_it_is_not_found(portico: RunningStack, console: Console) -> None:
    """Who is signed in sees it no more, and its address is not there."""
    browser = console.browser
    version = portico.admin.get("/v1/portals/north-plant/definition")["version"]
    portico.admin.send(
        "PATCH",
        "/v1/portals/north-plant",
        200,
        json={"is_enabled": False},
        headers={"If-Match": f'"{version}"'},
    )
    console.show("/portal")
    wait_for_heading(browser, "Your portals")
    assert "North Plant" not in browser.text
    console.show("/portal/north-plant")
    assert "Welcome to" not in browser.text
    console.show("/at/harbor/north-plant")
    assert "Password" not in browser.text


@pytest.mark.seed("S2-22", "S2-86")
def test_a_person_reads_what_is_published_and_a_supervisor_what_concerns_the_work(
    portico: RunningStack, console: Console
) -> None:
    browser, api = console.browser, portico.admin
    people = {}
    for name in ("Worker", "Chief"):
        given = {"first_name": name, "last_name": "Quarry", "kinds": ["employee"]}
        people[name] = api.post("/v1/people", email=f"{name.lower()}@quarry.example.org", **given)["id"]
    for name, login in (("Worker", "worker@quarry.example.org"), ("Chief", "chief@quarry.example.org")):
        code = api.post(f"/v1/people/{people[name]}/pickup-codes")["code"]
        redeemed = {"organisation": HARBOR, "code": code, "login": login, "password": PASSWORD}
        Portico(portico.url).send("POST", "/v1/pickup-codes/redeem", 200, json=redeemed)
    path = f"/v1/people/{people['Worker']}/published-items"
    api.post(path, kind="work_status", values={"status": "full_duty"})
    api.post(path, kind="work_status", values={"status": "restricted_duty", "note": "back strain"})
    api.post(path, kind="restriction", values={"restriction": "No lifting above 10 kg"})
    api.post(path, kind="vital", values={"name": "Blood pressure", "value": "120/80"})
    account = api.get("/v1/accounts", realm="employee", limit=200)["items"]
    [chief] = [each["id"] for each in account if each["login"] == "chief@quarry.example.org"]
    api.post(f"/v1/people/{people['Worker']}/relationships", account_id=chief, kind="supervisor")

    console.portico.passwords["worker@quarry.example.org"] = PASSWORD
    console.portico.passwords["chief@quarry.example.org"] = PASSWORD
    console.sign_in("worker@quarry.example.org", realm="employee", at="/portal")
    console.follow("Employee Portal", "Welcome to")
    console.follow("My Medical Information", "My Medical Information")
    assert "120/80" in browser.text
    assert "No lifting above 10 kg" in browser.text
    # The work status that holds comes first, whatever was published since; the earlier ones are folded.
    first = browser.evaluate("document.querySelector('section.published').innerText")
    assert "Restricted duty" in first
    assert "Full duty" not in browser.text
    follow(browser, "Earlier work status (1)")
    assert "Full duty" in browser.text
    console.open("/portal/supervisor", "This page cannot be found")
    assert "nobody is on your team" in browser.text
    console.open("/portal/employee/record", "My Medical Information")
    console.follow("Start", "Welcome to")
    console.follow("Work Status", "Work Status")
    assert "Restricted duty" in browser.text
    assert "120/80" not in browser.text

    console.sign_in("chief@quarry.example.org", realm="employee", at="/portal")
    console.follow("Supervisor Portal", "Welcome to")
    console.follow("Work Status", "Work Status")
    assert "Restricted duty" in console.row("Worker Quarry")
    console.follow("Worker Quarry", "Worker Quarry")
    assert "Restricted duty" in browser.text
    assert "No lifting above 10 kg" in browser.text
    for private in ("back strain", "120/80", "Blood pressure"):
        assert private not in browser.text
    _a_supervisor_orders(portico, console, path)


def _a_single_function_portal_goes_on(console: Console) -> None:
    """The start page leads to the first module, as long as both switches say so (S2-48)."""
    api, path = console.api, "/v1/portals/supervisor/content"

    def switch(**switches: bool) -> None:
        version = api.get(path)["version"]
        api.send("PATCH", path, 200, json=switches, headers={"If-Match": f'"{version}"'})

    switch(has_message_center=False)
    console.open("/portal/supervisor", "Welcome to")
    switch(is_single_function=True)
    console.open("/portal/supervisor", "Orders")
    assert console.browser.path == "/portal/supervisor/orders"
    switch(is_single_function=False, has_message_center=True)


def _a_supervisor_orders(portico: RunningStack, console: Console, published: str) -> None:
    """Staff fill the list, the supervisor orders from it, and sees when staff have dealt with it (S2-22, S2-86)."""
    browser, api = console.browser, portico.admin
    console.show("/portal/supervisor/orders")
    assert "Nothing can be ordered here yet" in browser.text
    console.sign_in(ADMIN, at="/staff/portals")
    console.follow("What supervisors may order", "What supervisors may order")
    enter(browser, "Name", "Audiogram")
    console.sends("Add", "It can be ordered now.")
    enter(browser, "Name", "audiogram")
    follow(browser, "Add")
    console.refused("There is an item of this name")

    console.sign_in("chief@quarry.example.org", realm="employee", at="/portal")
    console.follow("Supervisor Portal", "Welcome to")
    console.follow("Orders", "Orders")
    follow(browser, "Order it")
    console.refused("Employee")
    console.pick("Employee", "Worker Quarry")
    choose(browser, "What is ordered", "Audiogram")
    enter(browser, "Note for the clinic (optional)", "Works at the crusher.")
    console.sends("Order it", "It is ordered.")
    assert "Worker Quarry Audiogram Open" in console.row("Audiogram")
    (entry,) = [each for each in api.get("/v1/portal-queue")["items"] if each["type"] == "employee_order"]
    api.act(
        f"/v1/portal-queue/{entry['id']}/dismiss", version=entry["version"], outcome="completed", confirm=True
    )
    values = {"name": "Chest film", "state": "open"}
    api.post(published, kind="order", values=values | {"panel": "Silica"})
    api.post(published, kind="order", values=values | {"name": "Biopsy"})
    console.open("/portal/supervisor/order-status", "Order Status")
    assert "Completed" in console.row("Audiogram")
    assert "Silica Open" in console.row("Chest film")
    assert "Biopsy" not in browser.text
    console.show("/portal/supervisor/reports")
    assert "This portal shows no reports." in browser.text
    now = api.get("/v1/portals/supervisor/content")
    chosen = [each for each in now["modules"] if each["code"] != "support"]
    api.send(
        "PATCH",
        "/v1/portals/supervisor/content",
        200,
        json={"modules": [*chosen, {"code": "reports"}]},
        headers={"If-Match": f'"{now["version"]}"'},
    )
    console.open("/portal/supervisor", "Welcome to")
    console.follow("Reports", "Reports")
    console.follow("Work statuses", "Work statuses")
    _a_single_function_portal_goes_on(console)
    console.open("/portal/supervisor/reports/work_statuses", "Work statuses")
    assert re.search("Worker Quarry Restricted duty .*No lifting above 10 kg", console.row("Worker Quarry"))


@pytest.mark.seed("S2-40", "S2-41")
def test_a_consent_is_signed_before_anything_else_and_refusing_or_withdrawing_closes_the_portal(
    portico: RunningStack, console: Console
) -> None:
    """The last of the module: what it requires holds for all employees until its end."""
    browser, api, login = console.browser, portico.admin, "signer@quarry.example.org"
    given = {"first_name": "Sam", "last_name": "Signer", "email": login, "kinds": ["employee"]}
    person = api.post("/v1/people", **given)
    code = api.post(f"/v1/people/{person['id']}/pickup-codes")["code"]
    redeemed = {"organisation": HARBOR, "code": code, "login": login, "password": PASSWORD}
    Portico(portico.url).send("POST", "/v1/pickup-codes/redeem", 200, json=redeemed)
    console.sign_in(ADMIN, at="/staff/consents")
    console.follow("New consent", "New consent")
    enter(browser, "Title", "Use of your data")
    enter(browser, "Text", "We keep what you tell us.")
    enter(browser, "Ask again after (optional)", "yearly")
    follow(browser, "Create")
    console.refused("P1Y")
    enter(browser, "Ask again after (optional)", "P1Y")
    console.sends("Create", "Nobody is asked for it before a portal requires it")
    console.open("/staff/portals/employee/consents", "Consents of this portal")
    console.tick("Use of your data")
    console.sends("Save", "Who has not signed is asked")
    try:
        _the_employee_signs(portico, console, login)
    finally:
        api.put("/v1/portals/employee/consents", consent_ids=[])


def _the_employee_signs(portico: RunningStack, console: Console, login: str) -> None:
    browser = console.browser
    portico.passwords[login] = PASSWORD
    browser.open_page()
    console.show("/at/harbor/employee")
    enter(browser, "E-mail address or username", login)
    enter(browser, "Password", PASSWORD)
    browser.press("Enter")
    wait_for_heading(browser, "Before you go on")
    assert "We keep what you tell us." in browser.text
    for address in ("/portal/employee", "/portal/employee/record", "/account/openings"):
        console.show(address)
        wait_for_heading(browser, "Before you go on")
    choose(browser, "Your answer", "I refuse")
    console.sends("Send my answer", "Your answer is kept")
    wait_for_heading(browser, "Before you go on")
    choose(browser, "Your answer", "I agree")
    follow(browser, "Send my answer")
    console.refused("type your name")
    enter(browser, "Your name, as a signature (optional)", "Sam Signer")
    console.tick("I have read the text, and this is my signature")
    console.sends("Send my answer", "Your answer is kept")
    wait_for_heading(browser, "My consents")
    follow(browser, "Go on to your portal")
    wait_for_heading(browser, "Who opened")  # the page that was asked for last
    console.show("/consents")
    console.sends("Withdraw: Use of your data", "The consent is withdrawn")
    wait_for_heading(browser, "Before you go on")
