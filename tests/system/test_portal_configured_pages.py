"""A portal as staff configure it in the editor, and exactly that as its people see it, by the keyboard alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.employees import Employee, an_employee
from tests.support.images import an_image
from tests.support.pages import enter, follow, wait_for_heading
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{HARBOR}.example.org"
DOCKS, HILL = "dock-works", "hill-works"
SAVED = "The draft is saved"
FORM = "change_portal_draft-"  # before the names of fields in their ids
PRODUCT = "Dock Works Health & Care!"  # 25 characters
VISITS = f"{'Visits at the clinic beside gate four of the docks ':x<60}"
USUAL = [
    "My Appointments",
    "My Medical Information",
    "Report a Work Injury or Illness",
    "Work Status",
    "Send a Message",
    "Other Health Resources",
]
TILES = "[...document.querySelectorAll('main .tiles strong')].map(it => it.textContent)"
OF_EVERY_PORTAL = ["Who opened my record", "My account"]
WRITTEN = (
    "Every patient, PATIENTS and Patient: patience at https://patient.example.org/patient. "
    "Our employer, its applicants, supervisors and this portal."
)
SHOWN = (
    "Every crew member, CREW MEMBERS and Crew member: patience at https://patient.example.org/patient. "
    "Our yard, its candidates, foremen and this gateway."
)


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Console:
    return Console(portico, chromium)


@pytest.mark.seed(
    "S2-1", "S2-2", "S2-3", "S2-9", "S2-15", "S2-26", "S2-27", "S2-28", "S2-38", "S2-39", "S2-44"
)
@pytest.mark.seed("S2-51", "S2-52", "S2-53", "S2-54", "S2-57", "S2-61", "S2-62", "S2-63", "S2-65", "S2-80")
@pytest.mark.seed("S2-122", "S2-125", "S2-138", "C5")
def test_what_staff_set_in_the_editor_is_what_the_people_of_this_portal_and_no_other_see(
    portico: RunningStack, console: Console, tmp_path: Path
) -> None:
    worker = an_employee(portico, "Dora", "Dock")
    console.sign_in(ADMIN, at="/staff/portals")
    for portal, employer, region in ((DOCKS, "Dock Works", "East"), (HILL, "Hill Works", "West")):
        _a_portal_is_opened(console, portal, employer, region)
    console.open(f"/staff/portals/{DOCKS}", f"Portal {DOCKS}")
    _it_gets_a_look(console)
    _it_gets_a_logo_and_a_photograph(console, tmp_path)
    _it_gets_words(console)
    _it_gets_modules(console)
    _it_gets_links_and_contacts(console)
    _it_gets_news(console)
    assert worker.client.get(f"/v1/portals/{DOCKS}/home")["product_name"] == "Portico"
    console.follow("Publish", "Publish")
    console.sends("Publish this draft", "The portal is published")
    _its_people_see_exactly_that(console, worker)
    _the_other_portal_is_as_it_was_from_the_start(console)
    for portal in (DOCKS, HILL):
        _is_closed(console, portal)


def _a_portal_is_opened(console: Console, portal: str, employer: str, region: str) -> None:
    console.open("/staff/portals/new", "New portal")
    console.pick("For whom", "Employees")
    enter(console.browser, "Address", portal)
    enter(console.browser, "Employer (optional)", employer)
    enter(console.browser, "Region (optional)", region)
    console.sends("Create", "It is off until you enable it")
    console.tick("The portal is on")
    console.sends("Save", "The portal is saved")


def _is_closed(console: Console, portal: str) -> None:
    """Other tests go through the portals of employees as well."""
    version = console.api.get(f"/v1/portals/{portal}/definition")["version"]
    headers = {"If-Match": f'"{version}"'}
    console.api.send("PATCH", f"/v1/portals/{portal}", 200, json={"is_enabled": False}, headers=headers)


def _it_gets_a_look(console: Console) -> None:
    browser = console.browser
    console.follow("Look", "Look")
    enter(browser, "Name", "Dock Health")
    enter(browser, "Colour", "#12345g")
    follow(browser, "Save the draft")
    console.refused("Colour: ", "three or six hexadecimal digits")
    # The dialogue of the browser in which a colour is picked is none of the page: it tells the field what was chosen.
    picker = "document.querySelector('input[type=color]')"
    browser.evaluate(f"{picker}.value = '#7a4419'; {picker}.dispatchEvent(new Event('input'))")
    assert browser.evaluate("document.getElementById('change_portal_draft-colour').value") == "#7a4419"
    console.sends("Save the draft", SAVED)
    enter(browser, "Colour", "#abc")
    assert browser.evaluate(f"{picker}.value") == "#aabbcc"


def _it_gets_a_logo_and_a_photograph(console: Console, folder: Path) -> None:
    browser = console.browser
    drawing, logo, photograph = (folder / name for name in ("logo.svg", "logo.png", "docks.jpg"))
    drawing.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    logo.write_bytes(an_image("PNG", 300, 100, "#7a4419"))
    photograph.write_bytes(an_image("JPEG", 650, 412, "#446688"))
    console.follow("Images", "Images")
    browser.tab_to("upload_portal_image-file", most=200)
    browser.choose_file("upload_portal_image-file", drawing)
    follow(browser, "Upload")
    console.refused("PNG or JPEG")
    browser.tab_to("upload_portal_image-file", most=200)
    browser.choose_file("upload_portal_image-file", logo)
    console.sends("Upload", "Choose it now")
    console.fill(FORM + "logo-alternative_text", "Two cranes")
    console.sends("Choose", SAVED)
    # The page that follows shows what was chosen.
    assert "Chosen" in browser.text
    browser.tab_to("file-welcome_image", most=200)
    browser.choose_file("file-welcome_image", photograph)
    console.sends("Upload", "Choose it now")
    console.fill(FORM + "welcome_image-alternative_text", "The docks at dawn")
    console.sends("Choose", SAVED)


def _it_gets_words(console: Console) -> None:
    browser = console.browser
    console.follow("Welcome and words", "Welcome and words")
    terms = ("patient", "employer", "applicant", "supervisor", "portal")
    console.overfill(FORM + "product_name", 25)
    console.overfill(FORM + "description", 2000)
    for term in terms:
        console.overfill(FORM + f"terms-{term}-singular", 40)
    follow(browser, "Save the draft")
    console.refused("Name in the welcome: ", "Text under the welcome: ")
    told = browser.evaluate("document.getElementById('error-summary').innerText")
    assert told.count("One: ") == len(terms), told
    assert told.count("40") == len(terms), told
    console.fill(FORM + "product_name", PRODUCT)
    console.fill(FORM + "description", WRITTEN)
    words = {"patient": "crew member", "employer": "yard", "applicant": "candidate", "portal": "gateway"}
    for term in terms:
        console.fill(FORM + f"terms-{term}-singular", words.get(term, "foreman"))
        if term == "supervisor":
            console.fill(FORM + f"terms-{term}-plural", "foremen")
    console.sends("Save the draft", SAVED)
    follow(browser, "Texts in another language")
    console.pick(
        "Language", browser.evaluate("document.querySelector('#in-language [value=es]').textContent")
    )
    follow(browser, "Add this language")
    browser.wait_for("document.getElementById('change_portal_draft-description-es') !== null")
    console.fill(FORM + "description-es", "Para cada persona de los muelles.")
    console.sends("Save the draft", SAVED)


def _it_gets_modules(console: Console) -> None:
    browser = console.browser
    console.follow("Modules", "Modules")
    legends = "[...document.querySelectorAll('[data-moves] > legend')].map(it => it.textContent.trim())"
    assert browser.evaluate(legends)[:-2] == USUAL
    console.overfill(FORM + "modules-0-name", 60)
    follow(browser, "Save the draft")
    console.refused("Own name: ", "60")
    console.pick("Columns", "3")
    console.fill(FORM + "modules-0-name", VISITS)
    follow(browser, "Up: Report a Work Injury or Illness")
    follow(browser, "Delete: Work Status")
    console.fill(FORM + "modules-4-name", "Patient messages")
    console.pick("Module (optional)", "Support")
    console.sends("Save the draft", SAVED)
    assert browser.evaluate(legends)[:-2] == [
        "My Appointments", "Report a Work Injury or Illness", "My Medical Information", "Send a Message",
        "Other Health Resources", "Support",
    ]  # fmt: skip


def _it_gets_links_and_contacts(console: Console) -> None:
    browser = console.browser
    console.follow("Other Health Resources", "Other Health Resources")
    for number, (title, address) in enumerate(
        (
            ("Lifting", "https://lifting.example.org/patient"),
            ("Canteen", "http://intranet/canteen"),
            ("Sleep", "https://sleep.example.org"),
        )
    ):
        console.overfill(FORM + f"resources-{number}-title", 100)
        console.fill(FORM + f"resources-{number}-title", f"{title} for each patient")
        console.fill(FORM + f"resources-{number}-links-0-title", title)
        console.fill(FORM + f"resources-{number}-links-0-url", address)
        console.sends("Save the draft", SAVED)
    console.follow("Support", "Support")
    for name, text in (
        ("name", "Nurse line"),
        ("telephone", "+1 617-555-0100"),
        ("fax", "+1 617-555-0101"),
        ("email", "nowhere"),
    ):
        console.fill(FORM + f"support-0-{name}", text)
    follow(browser, "Save the draft")
    console.refused("E-mail: ")
    console.fill(FORM + "support-0-email", "nurses@docks.example.org")
    console.sends("Save the draft", SAVED)


def _it_gets_news(console: Console) -> None:
    console.follow("News", "News")
    for number, text in enumerate(("Crane two is **shut**", "Flu shots on Friday")):
        console.fill(FORM + f"ticker-{number}-text", text)
        console.sends("Save the draft", SAVED)


def _its_people_see_exactly_that(console: Console, worker: Employee) -> None:
    browser = console.browser
    console.sign_in(worker.login, realm="employee", at="/portal")
    found = browser.evaluate("[...document.querySelectorAll('.tiles li')].map(it => it.innerText)")
    assert "Dock Health\nDock Works, East" in found
    assert "Employee Portal\nHill Works, West" in found
    console.follow("Dock Health", f"Welcome to {PRODUCT}")
    assert SHOWN in browser.text
    assert browser.evaluate(TILES) == [
        VISITS, "Report a Work Injury or Illness", "My Medical Information", "Crew member messages",
        "Other Health Resources", "Support", *OF_EVERY_PORTAL,
    ]  # fmt: skip
    assert browser.evaluate("document.querySelector('.tiles').className") == "tiles columns-3"
    assert "theme-7a4419" in browser.evaluate("document.querySelector('link[href*=theme-]').href")
    pictures = "[...document.querySelectorAll('main img')].map(it => [it.alt, it.naturalWidth])"
    assert browser.evaluate(pictures) == [["Two cranes", 300], ["The docks at dawn", 650]]
    _the_news_pass_from_right_to_left_one_after_the_other(console)
    follow(browser, "Español")
    browser.wait_for_text("Para cada persona de los muelles.")
    assert SHOWN not in browser.text
    follow(browser, "English")
    browser.wait_for_text(SHOWN)
    console.follow(VISITS, VISITS)
    console.follow("Start", f"Welcome to {PRODUCT}")
    console.follow("Support", "Support")
    for words in ("Nurse line", "+1 617-555-0100", "+1 617-555-0101", "nurses@docks.example.org"):
        assert words in browser.text, words
    console.follow("Start", f"Welcome to {PRODUCT}")
    console.follow("Other Health Resources", "Other Health Resources")
    links = """[...document.querySelectorAll('main section')].map(it =>
        [it.querySelector('h2').textContent, it.querySelector('a').href])"""
    assert browser.evaluate(links) == [
        ["Lifting for each crew member", "https://lifting.example.org/patient"],
        ["Canteen for each crew member", "http://intranet/canteen"],
        ["Sleep for each crew member", "https://sleep.example.org/"],
    ]


def _the_news_pass_from_right_to_left_one_after_the_other(console: Console) -> None:
    browser = console.browser
    passing = "document.querySelector('.ticker li.now')"
    browser.show_as(prefers_reduced_motion="no-preference")
    console.show(f"/portal/{DOCKS}")
    browser.wait_for(f"{passing}?.getAnimations().length === 1")
    assert browser.evaluate(f"{passing}.textContent") == "Crane two is shut"
    at = f"""(share => {{
        const moves = {passing}.getAnimations()[0];
        moves.pause();
        moves.currentTime = share * moves.effect.getTiming().duration;
        return {passing}.getBoundingClientRect().left; }})"""
    first, later = (browser.evaluate(f"{at}({share})") for share in (0.1, 0.6))
    assert later < first
    for words in ("Flu shots on Friday", "Crane two is shut"):
        browser.evaluate(f"{passing}.getAnimations()[0].finish()")
        browser.wait_for(f"{passing}.textContent === '{words}' && {passing}.getAnimations().length === 1")
    browser.show_as()
    console.open(f"/portal/{DOCKS}", f"Welcome to {PRODUCT}")


def _the_other_portal_is_as_it_was_from_the_start(console: Console) -> None:
    browser = console.browser
    console.open(f"/portal/{HILL}", "Welcome to Portico")
    assert browser.evaluate(TILES) == [*USUAL, *OF_EVERY_PORTAL]
    assert "theme-1a5fb4" in browser.evaluate("document.querySelector('link[href*=theme-]').href")
    assert browser.evaluate("document.querySelectorAll('main img, .ticker').length") == 0
    for words in ("crew member", "Dock"):
        assert words not in browser.text.replace("Dora Dock", ""), words
    console.follow("Other Health Resources", "Other Health Resources")
    assert "Nothing is here yet" in browser.text
    wait_for_heading(browser, "Other Health Resources")
