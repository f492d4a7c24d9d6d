"""The portal of supervisors as staff configure it, and exactly that as a supervisor sees it, by the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.employees import Employee, an_employee, supervise
from tests.support.pages import enter, follow, wait_for_heading
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{HARBOR}.example.org"
YARD, OTHER = "yard-leads", "other-leads"
SAVED = "The draft is saved"
FORM = "change_portal_draft-"  # before the names of fields in their ids
USUAL = ["Orders", "Work Status", "Supervisor Scheduling", "Support"]
# The modules in their order with the names that staff give them, and the page that each leads to.
NAMED = {
    "Orders": ("Order a check", "orders"),
    "Work Status": ("Who can work", "team"),
    "Supervisor Scheduling": ("Book for my team", "scheduling"),
    "Support": ("Whom to call", "support"),
    "Order Status": ("How far it is", "order-status"),
    "Reports": ("Figures of the yard", "reports"),
    "Send a Message": ("Write to the clinic", "messages"),
    "Health Surveillance": ("Checks that are due", "surveillance"),
    "Case Review Status": ("Cases under review", "cases"),
}
MORE = {"Reports": {"instructions"}, "Send a Message": {"header", "instructions"}}
TILES = "[...document.querySelectorAll('main .tiles strong')].map(it => it.textContent)"
FIELDS = """Object.fromEntries([...document.querySelectorAll('[data-moves]')].map(row => [
    row.querySelector('legend').textContent.trim(),
    [...new Set([...row.querySelectorAll('[name]')].map(it => it.name.split('.')[2]))]]))"""
PRIVATE = (
    "sprained in the gym",
    "Lead in blood",
    "Letter of the laboratory",
    "fell from the crane",
    "Biopsy",
)


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Iterator[Console]:
    console = Console(portico, chromium)
    yield console
    for portal in (YARD, OTHER):
        version = console.api.get(f"/v1/portals/{portal}/definition")["version"]
        headers = {"If-Match": f'"{version}"'}
        console.api.send("PATCH", f"/v1/portals/{portal}", 200, json={"is_enabled": False}, headers=headers)


@pytest.mark.seed(
    "S2-5", "S2-21", "S2-82", "S2-83", "S2-84", "S2-85", "S2-87", "S2-88", "S2-89", "S2-91", "S2-92"
)
@pytest.mark.seed("S2-93", "S2-94", "S2-97", "S2-140")
def test_a_supervisor_sees_the_portal_that_staff_have_set_and_of_the_team_what_concerns_the_work(
    portico: RunningStack, console: Console
) -> None:
    chief, worker, stranger = (an_employee(portico, name, "Yard") for name in ("Yara", "Wim", "Saul"))
    supervise(portico, chief, worker)
    for person, name in ((worker, "Wim"), (stranger, "Saul")):
        _something_is_published(console, person, name)
    console.sign_in(ADMIN, at="/staff/portals")
    for portal in (YARD, OTHER):
        _a_portal_is_opened(console, portal)
    console.open(f"/staff/portals/{YARD}", f"Portal {YARD}")
    _it_has_the_options_of_other_portals(console)
    _its_modules_are_named_and_added(console)
    _its_documents_and_message_types_are_chosen(console)
    _the_supervisor_sees_it(console, chief)
    _each_module_has_its_name(console)
    _of_the_team_stands_there_what_concerns_the_work(console, worker, stranger)
    _reports_that_were_chosen(console)
    _the_other_portal_has_four_modules(console)


def _something_is_published(console: Console, person: Employee, name: str) -> None:
    items: tuple[tuple[str, dict[str, Any]], ...] = (
        ("work_status", {"status": "off_work", "from_on": "2020-01-02"}),
        (
            "work_status",
            {"status": "restricted_duty", "from_on": "2021-02-03", "note": "sprained in the gym"},
        ),
        ("restriction", {"restriction": f"{name} climbs no ladders"}),
        ("lost_time", {"days": 3}),
        ("lost_time", {"days": 4}),
        ("surveillance", {"panel": f"Silica of {name}", "status": "overdue", "next_due_on": "2026-02-01"}),
        ("surveillance", {"panel": f"Hearing of {name}", "status": "current"}),
        ("case", {"stage": f"Review of {name}", "narrative": "fell from the crane"}),
        ("order", {"name": "Biopsy", "state": "open"}),
        ("result", {"name": "Lead in blood", "value": "3"}),
        ("document", {"title": f"{name} fit for the crane", "document_type": "crane_note"}),
        ("document", {"title": "Letter of the laboratory", "document_type": "lab_letter"}),
    )
    for kind, values in items:
        person.publish(console.api, kind, **values)


def _a_portal_is_opened(console: Console, portal: str) -> None:
    console.open("/staff/portals/new", "New portal")
    console.pick("For whom", "Supervisors")
    enter(console.browser, "Address", portal)
    console.sends("Create", "It is off until you enable it")
    console.tick("The portal is on")
    console.sends("Save", "The portal is saved")


def _it_has_the_options_of_other_portals(console: Console) -> None:
    browser = console.browser
    console.follow("Look", "Look")
    enter(browser, "Name", "Yard Leads")
    enter(browser, "Colour", "#0b5563")
    console.sends("Save the draft", SAVED)
    console.follow("Images", "Images")
    console.sends("Take this picture: A path through green hills under a bright sky", "Choose it now")
    console.fill(FORM + "welcome_image-alternative_text", "The yard")
    console.sends("Choose", SAVED)
    console.follow("Welcome and words", "Welcome and words")
    for name, most in (("product_name", 25), ("terms-supervisor-singular", 40)):
        console.overfill(FORM + name, most)
    follow(browser, "Save the draft")
    console.refused("Name in the welcome: ", "One: ")
    console.fill(FORM + "product_name", "Yard Health")
    console.fill(FORM + "description", "For each supervisor, and all supervisors.")
    console.fill(FORM + "terms-supervisor-singular", "team lead")
    console.sends("Save the draft", SAVED)
    console.follow("News", "News")
    console.fill(FORM + "ticker-0-text", "The supervisor's day is **Monday**")
    console.sends("Save the draft", SAVED)
    console.follow("Support", "Support")
    for name, text in (
        ("name", "Yard nurse"), ("telephone", "+1 617 555 0110"), ("fax", "+1 617 555 0111"),
        ("email", "nurse@yard.example.org"),
    ):  # fmt: skip
        console.fill(FORM + f"support-0-{name}", text)
    console.sends("Save the draft", SAVED)


def _its_modules_are_named_and_added(console: Console) -> None:
    browser = console.browser
    console.follow("Modules", "Modules")
    assert list(browser.evaluate(FIELDS))[:-2] == USUAL
    console.pick("Columns", "3")
    console.overfill(FORM + "modules-0-name", 60)
    follow(browser, "Save the draft")
    console.refused("Own name: ", "60")
    names = list(NAMED)
    for at, name in enumerate(names[:4]):
        console.fill(FORM + f"modules-{at}-name", NAMED[name][0])
    for at in range(4, len(names), 2):
        for place, name in enumerate(names[at : at + 2], at):
            browser.tab_to(f"{FORM}modules-{place}-code", most=300)
            console.pick_here(name)
            console.fill(FORM + f"modules-{place}-name", NAMED[name][0])
        console.sends("Save the draft", SAVED)
    # Of most modules the name alone is set.
    of_each = {name: set(fields) for name, fields in browser.evaluate(FIELDS).items() if name in NAMED}
    usual = {"place", "code", "name", "tab_colour", "removed"}
    assert of_each == {
        name: usual | MORE.get(name, set()) | ({"reports"} if name == "Reports" else set()) for name in NAMED
    }
    console.fill(FORM + "modules-5-instructions", "Ask before you print them.")
    console.tick("Orders")
    console.fill(FORM + "modules-6-header", "To the clinic of the yard")
    console.fill(FORM + "modules-6-instructions", "Not for emergencies in the yard.")
    console.sends("Save the draft", SAVED)


def _its_documents_and_message_types_are_chosen(console: Console) -> None:
    browser = console.browser
    console.follow("More settings", "More settings")
    assert "None ticked: no documents of employees." in browser.text
    console.tick("crane_note" if "crane_note" in browser.text else "Crane note")
    console.sends("Save the draft", SAVED)
    console.follow("Show Sample", "Sample")
    assert "For each team lead, and all team leads." in browser.text
    console.follow("Publish", "Publish")
    console.sends("Publish this draft", "The portal is published")
    console.open(f"/staff/portals/{YARD}/message-types", "Message types of this portal")
    console.tick("Request an Accommodation")
    console.sends("Save", "The message types of this portal are saved")


def _the_supervisor_sees_it(console: Console, chief: Employee) -> None:
    browser = console.browser
    console.sign_in(chief.login, realm="employee", at="/portal")
    console.follow("Yard Leads", "Welcome to Yard Health")
    assert "For each team lead, and all team leads." in browser.text
    assert "The team lead's day is Monday" in browser.text
    assert browser.evaluate(TILES)[: len(NAMED)] == [name for name, _ in NAMED.values()]
    assert "theme-0b5563" in browser.evaluate("document.querySelector('link[href*=theme-]').href")
    assert browser.evaluate("document.querySelector('.welcome-image').alt") == "The yard"


def _each_module_has_its_name(console: Console) -> None:
    browser = console.browser
    for name, page in NAMED.values():
        console.show(f"/portal/{YARD}")
        follow(browser, name)
        browser.wait_for(
            f"location.pathname === '/portal/{YARD}/{page}' && document.readyState === 'complete'"
        )
        wait_for_heading(browser, "")
        if page == "messages":
            follow(browser, name)
            wait_for_heading(browser, "To the clinic of the yard")
            assert "Not for emergencies in the yard." in browser.text
            offered = browser.evaluate(
                "[...document.querySelectorAll('select[name=type] option')].map(it => it.textContent)"
            )
            assert "Report Injury or Illness" in offered, offered
            assert "Request an Accommodation" not in offered
        else:
            assert browser.evaluate("document.querySelector('h1').textContent.trim()") == name
        if page == "support":
            for words in ("Yard nurse", "+1 617-555-0110", "+1 617-555-0111", "nurse@yard.example.org"):
                assert words in browser.text, words


def _of_the_team_stands_there_what_concerns_the_work(
    console: Console, worker: Employee, stranger: Employee
) -> None:
    browser = console.browser
    console.open(f"/portal/{YARD}/surveillance", "Checks that are due")
    assert "Overdue" in console.row("Silica of Wim")
    console.open(f"/portal/{YARD}/cases", "Cases under review")
    assert "Review of Wim" in console.row("Wim Yard")
    console.open(f"/portal/{YARD}/team", "Who can work")
    assert "Restricted duty" in console.row("Wim Yard")
    assert "Saul" not in browser.text
    console.follow("Wim Yard", "Wim Yard")
    text = browser.text
    for words in ("Wim climbs no ladders", "Silica of Wim", "Review of Wim", "Wim fit for the crane"):
        assert words in text, words
    # What held before stands apart from what holds now.
    assert "Off work" in text.partition("Earlier work status")[2]
    assert "Off work" not in text.partition("Earlier work status")[0]
    for words in PRIVATE:
        assert words not in text, words
    console.show(f"/portal/{YARD}/team/{stranger.person_id}")
    assert browser.evaluate("document.querySelector('h1').textContent.trim()") == "This page cannot be found"
    assert "Saul" not in browser.text
    assert worker.person_id != stranger.person_id


def _reports_that_were_chosen(console: Console) -> None:
    browser = console.browser
    console.open(f"/portal/{YARD}/reports", "Figures of the yard")
    assert "Ask before you print them." in browser.text
    assert browser.evaluate(TILES) == [
        "Work statuses", "Restrictions", "Health surveillance due", "Lost days",
    ]  # fmt: skip
    for report, row, words in (
        ("Work statuses", "Wim Yard", ("Restricted duty", "Wim climbs no ladders", "Silica of Wim: Overdue")),
        ("Restrictions", "Wim Yard", ("Wim climbs no ladders",)),
        ("Health surveillance due", "Wim Yard", ("Silica of Wim", "Overdue")),
        ("Lost days", "Wim Yard", ("7",)),
    ):
        console.open(f"/portal/{YARD}/reports", "Figures of the yard")
        console.follow(report, report)
        for each in words:
            assert each in console.row(row), (report, each)
        for private in ("Saul", "Hearing of Wim" if "due" in report else "Biopsy", *PRIVATE):
            assert private not in browser.text, (report, private)
    console.show(f"/portal/{YARD}/reports/orders")
    assert browser.evaluate("document.querySelector('h1').textContent.trim()") == "This page cannot be found"


def _the_other_portal_has_four_modules(console: Console) -> None:
    browser = console.browser
    console.open(f"/portal/{OTHER}", "Welcome to Portico")
    of_every_portal = [
        "Questionnaires about employees",
        "Answers to review",
        "Who opened my record",
        "My account",
    ]
    assert browser.evaluate(TILES) == [*USUAL, *of_every_portal]
    assert "team lead" not in browser.text
