"""Whom a portal admits and from where, what it shows of a person, where signing out leads, and consents, by the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.demo_questionnaires import published
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.employees import Employee, an_employee, supervise
from tests.support.pages import choose, enter, follow, wait_for_heading
from tests.support.questionnaires import an_item
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{HARBOR}.example.org"
OFFICE = "portal.designer@harbor.example.org"
SAVED = "The draft is saved"
PORTALS = {
    "quay": "Open Quay",
    "quay-here": "Quay of this network",
    "quay-inside": "Quay inside",
    "quay-chiefs": "Quay of chiefs",
    "quay-off": "Quay that is off",
}
NAMES = "[...document.querySelectorAll('main .tiles strong')].map(it => it.textContent)"


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Iterator[Console]:
    console = Console(portico, chromium)
    for portal, name in PORTALS.items():
        console.api.post("/v1/portals", portal=portal, kind="employee")
        _change(console, portal, "definition", "", is_enabled=True)
        _change(console, portal, "draft", "/draft", name=name)
        version = console.api.get(f"/v1/portals/{portal}/draft")["version"]
        console.api.act(f"/v1/portals/{portal}/draft/publication", version)
    yield console
    for portal in PORTALS:
        _change(console, portal, "definition", "", is_enabled=False)
    hosts = console.api.get("/v1/portal-hosts")
    console.api.put("/v1/portal-hosts", version=hosts["version"], hosts=[])


def _change(console: Console, portal: str, read: str, path: str, **members: Any) -> None:
    version = console.api.get(f"/v1/portals/{portal}/{read}")["version"]
    headers = {"If-Match": f'"{version}"'}
    console.api.send("PATCH", f"/v1/portals/{portal}{path}", 200, json=members, headers=headers)


@pytest.fixture(scope="module")
def worker(portico: RunningStack, console: Console) -> Employee:
    return an_employee(portico, "Quentin", "Quay")


@pytest.fixture(scope="module")
def chief(portico: RunningStack, console: Console, worker: Employee) -> Employee:
    chief = an_employee(portico, "Carla", "Quay")
    supervise(portico, chief, worker)
    return chief


def _publish(console: Console) -> None:
    console.follow("Publish", "Publish")
    console.sends("Publish this draft", "The portal is published")


@pytest.mark.seed("S2-35", "S2-36", "S2-133")
def test_networks_roles_and_the_switch_say_who_finds_a_portal(
    console: Console, worker: Employee, chief: Employee
) -> None:
    browser = console.browser
    console.sign_in(ADMIN, at="/staff/portals")
    console.open("/staff/portals/quay-inside", "Portal quay-inside")
    enter(browser, "Networks from which it is reached (optional)", "192.0.2.0/24\nthe office")
    follow(browser, "Save")
    console.refused("Networks from which it is reached")
    enter(browser, "Networks from which it is reached (optional)", "192.0.2.0/24")
    console.sends("Save", "It holds at once")
    console.open("/staff/portals/quay-here", "Portal quay-here")
    enter(browser, "Networks from which it is reached (optional)", "127.0.0.0/8\n::1/128")
    console.sends("Save", "It holds at once")
    console.open("/staff/portals/quay-chiefs", "Portal quay-chiefs")
    # Without a choice every role is admitted.
    assert browser.evaluate("document.querySelectorAll('[name=security_roles]:checked').length") == 0
    console.tick("Supervisor")
    console.sends("Save", "It holds at once")
    console.open("/staff/portals/quay-off", "Portal quay-off")
    console.tick("The portal is on")
    console.sends("Save", "It holds at once")

    for person, open_to in ((chief, {"quay", "quay-here", "quay-chiefs"}), (worker, {"quay", "quay-here"})):
        console.sign_in(person.login, realm="employee", at="/portal")
        names = set(browser.evaluate(NAMES))
        for portal, name in PORTALS.items():
            assert (name in names) is (portal in open_to), (portal, names)
            console.show(f"/portal/{portal}")
            assert ("Welcome to" in browser.text) is (portal in open_to), portal


@pytest.mark.seed("S2-23", "S2-24", "S2-37", "S2-48", "S2-49", "S2-132", "S2-134", "S2-140")
def test_what_a_portal_shows_of_its_people_takes_from_them_and_calls_its_pages(
    console: Console, worker: Employee, chief: Employee
) -> None:
    _something_is_published(console, worker)
    console.sign_in(ADMIN, at="/staff/portals")
    _signing_out_may_lead_to_hosts_of_the_organisation_alone(console)
    _documents_and_labels_are_chosen(console)
    _message_types_are_chosen(console)
    _another_portal_has_one_function(console)
    _the_worker_sees_what_was_chosen(console, worker)
    _the_colleague_sees_none_of_it(console, chief)


def _something_is_published(console: Console, worker: Employee) -> None:
    for kind, values in (
        ("document", {"title": "Fit for the crane", "document_type": "fit_note"}),
        ("document", {"title": "Letter of the laboratory", "document_type": "lab_letter"}),
        ("result", {"name": "Lead in blood", "value": "3"}),
        ("allergy", {"substance": "Latex"}),
        ("medication", {"name": "Salbutamol"}),
        ("immunisation", {"vaccine": "Tetanus"}),
        ("vital", {"name": "Blood pressure", "value": "121/79"}),
    ):
        worker.publish(console.api, kind, **values)


def _signing_out_may_lead_to_hosts_of_the_organisation_alone(console: Console) -> None:
    browser = console.browser
    console.open("/staff/portals", "Portals")
    enter(browser, "Hosts of your organisation (optional)", "localhost\n127.0.0.1")
    console.sends("Save", "Portals may lead to their pages after signing out")
    console.open("/staff/portals/quay/more", "More settings")
    enter(browser, "Page after signing out (optional)", "https://elsewhere.example.org/bye")
    follow(browser, "Save the draft")
    console.refused("Page after signing out")
    enter(browser, "Page after signing out (optional)", f"{console.portico.stack.public_url}/help")
    console.sends("Save the draft", SAVED)


def _documents_and_labels_are_chosen(console: Console) -> None:
    browser = console.browser
    console.tick("fit_note" if "fit_note" in browser.text else "Fit note")
    enter(browser, "Who opened my record (optional)", "Who has read it")
    enter(browser, "My account (optional)", "My papers")
    console.sends("Save the draft", SAVED)
    _publish(console)


def _message_types_are_chosen(console: Console) -> None:
    console.open("/staff/portals/quay/message-types", "Message types of this portal")
    console.tick("Request an Accommodation")
    console.sends("Save", "The message types of this portal are saved")


def _another_portal_has_one_function(console: Console) -> None:
    browser = console.browser
    console.open("/staff/portals/quay-here/modules", "Modules")
    console.tick("Single-function portal")
    follow(browser, "Save the draft")
    console.refused("Single-function portal")
    console.tick("Show the message centre")
    console.sends("Save the draft", SAVED)
    follow(browser, "Up: My Medical Information")
    console.sends("Save the draft", SAVED)
    _publish(console)


def _the_worker_sees_what_was_chosen(console: Console, worker: Employee) -> None:
    browser = console.browser
    console.sign_in(worker.login, realm="employee", at="/portal")
    console.follow("Quay of this network", "My Medical Information")
    # Without the message centre the portal goes on to its first module, and shows no messages.
    assert browser.path == "/portal/quay-here/record"
    shown = ["Lead in blood", "Latex", "Salbutamol", "Tetanus", "121/79", "Fit for the crane"]
    for words in (*shown, "Letter of the laboratory"):
        assert words in browser.text, words
    home = worker.client.get("/v1/portals/quay-here/home")
    assert "send_message" not in [each["code"] for each in home["modules"]]
    console.open("/portal/quay/record", "My Medical Information")
    for words in shown:
        assert words in browser.text, words
    assert "Letter of the laboratory" not in browser.text
    console.open("/portal/quay", "Welcome to")
    names = browser.evaluate(NAMES)
    assert names[-2:] == ["Who has read it", "My papers"]
    assert "Send a Message" in names
    console.open("/portal/quay/messages/new", "Send a Message")
    offered = browser.evaluate(
        "[...document.querySelectorAll('select[name=type] option')].map(it => it.textContent)"
    )
    assert "Request an Appointment" in offered
    assert "Request an Accommodation" not in offered
    console.open("/portal/quay", "Welcome to")
    follow(browser, "Quentin")
    follow(browser, "Sign out")
    browser.wait_for("location.pathname === '/help' && document.readyState === 'complete'")


def _the_colleague_sees_none_of_it(console: Console, chief: Employee) -> None:
    console.sign_in(chief.login, realm="employee", at="/portal/quay/record")
    assert "Nothing is published for you yet" in console.browser.text


@pytest.mark.seed("S2-46")
def test_without_the_relation_to_the_own_chart_an_employee_reaches_nothing(
    portico: RunningStack, console: Console
) -> None:
    browser, loose = console.browser, an_employee(portico, "Lou", "Loose")
    loose.publish(console.api, "vital", name="Blood pressure", value="117/75")
    _sees_the_own_record(console, loose, sees=True)
    console.sign_in(ADMIN, at="/staff/people")
    console.open(f"/staff/employees/{loose.person_id}", "Portal access of employee")
    assert "May enter the employee portal" in browser.text
    console.open(f"/staff/people/{loose.person_id}", "Person P")
    console.sends("End: Self", "The relationship has ended")
    console.open(f"/staff/employees/{loose.person_id}", "Portal access of employee")
    assert "May not enter the employee portal" in browser.text
    _sees_the_own_record(console, loose, sees=False)
    console.sign_in(ADMIN, at="/staff/people")
    console.open(f"/staff/employees/{loose.person_id}", "Portal access of employee")
    follow(browser, "Relate the account to the person")
    wait_for_heading(browser, "Relate")
    console.pick("Relationship", "Self: the account is the person's own")
    console.sends("Relate them", "They are related")
    console.open(f"/staff/employees/{loose.person_id}", "Portal access of employee")
    assert "May enter the employee portal" in browser.text


def _sees_the_own_record(console: Console, person: Employee, *, sees: bool) -> None:
    console.sign_in(person.login, realm="employee", at="/portal/quay/record")
    assert ("117/75" in console.browser.text) is sees


@pytest.mark.seed("S2-58")
def test_news_are_added_updated_and_taken_away_by_who_manages_chart_tabs_alone(
    portico: RunningStack, console: Console
) -> None:
    browser, api = console.browser, console.api
    console.sign_in(ADMIN, at="/staff/portals")
    console.open("/staff/portals/quay/news", "News")
    for number, text in enumerate(("Low tide at nine", "High tide at three")):
        browser.tab_to(f"change_portal_draft-ticker-{number}-text", most=200)
        browser.type(text)
        console.sends("Save the draft", SAVED)
    enter(browser, "Text (optional)", "Low tide at ten")
    follow(browser, "Delete: Message 2")
    console.sends("Save the draft", SAVED)
    assert [each["text"] for each in api.get("/v1/portals/quay/draft")["ticker"]] == ["Low tide at ten"]
    [level] = [each for each in api.get("/v1/roles", realm="staff")["items"] if each["code"] == "trainee"]
    path = f"/v1/roles/{level['id']}"
    try:
        permissions = [*level["permissions"], "portal.configure"]
        headers = {"If-Match": f'"{level["version"]}"'}
        api.send("PATCH", path, 200, json={"permissions": permissions}, headers=headers)
        portico.create_staff(OFFICE, "trainee")
        console.sign_in(OFFICE, at="/staff/portals")
        console.open("/staff/portals/quay/news", "News")
        assert "that needs the permission to manage chart tabs" in browser.text
        assert "Low tide at ten" in browser.text
        assert browser.evaluate("document.querySelectorAll('main textarea').length") == 0
        console.open("/staff/portals/quay/look", "Look")
        console.sends("Save the draft", SAVED)  # everything else may be changed
    finally:
        headers = {"If-Match": f'"{api.get(path)["version"]}"'}
        api.send("PATCH", path, 200, json={"permissions": level["permissions"]}, headers=headers)


@pytest.mark.seed("S2-135")
def test_which_mails_go_out_and_what_the_one_with_a_code_says_is_set(
    portico: RunningStack, console: Console
) -> None:
    browser, api = console.browser, console.api
    console.sign_in(ADMIN, at="/staff/portals")
    console.open("/staff/portals/quay/go-live", "Before this portal goes live")
    console.follow("Which notices go out by e-mail", "Message texts")
    console.open("/staff/message-texts/pickup_code", "")
    enter(browser, "Subject", "Your key to the quay")
    enter(browser, "Text", "Come to the quay.")
    follow(browser, "Save")
    console.refused("pickup_code")
    enter(browser, "Text", "Enter {{ pickup_code }} at {{ portal_link }}.")
    enter(browser, "HTML form (optional)", "")
    console.sends("Save", "saved")
    new = {"first_name": "Nina", "last_name": "Quay", "email": "nina.quay@employees.example.org"}
    person = api.post("/v1/people", kinds=["employee"], **new)
    console.open(f"/staff/employees/{person['id']}", "Portal access of employee")
    follow(browser, "Send a code by e-mail")
    mail = portico.journey().await_mail(new["email"], lambda mail: mail["subject"] == "Your key to the quay")
    assert mail["text"].startswith("Enter ")
    version = api.get("/v1/message-templates/pickup_code")["version"]
    api.send("DELETE", "/v1/message-templates/pickup_code", 200, headers={"If-Match": f'"{version}"'})
    told = "set_notice_settings-told-work_status_published"
    for is_told in (False, True):
        console.open("/staff/notices", "Notices")
        browser.tab_to(told, most=100)
        browser.press(" ")
        console.sends("Save", "It is saved who is told of what")
        assert browser.evaluate(f"document.getElementById('{told}').checked") is is_told
        people = api.get("/v1/notice-settings")["told"]["work_status_published"]
        assert ("person" in people) is is_told


@pytest.mark.seed("S2-42", "S2-43", "S2-124")
def test_a_consent_has_its_wording_and_is_asked_for_once_or_again_after_the_shortest_time(
    console: Console, worker: Employee
) -> None:
    """The last of the module: what it requires holds for all employees until its end."""
    api = console.api
    published(api, "Wording of the quay", [an_item("a")], {})
    api.post("/v1/questionnaires", title="Wording that is not published")
    console.sign_in(ADMIN, at="/staff/consents")
    _a_consent_is_written(console, "Photographs", "")
    _a_consent_is_written(console, "Health data", "P1Y")
    console.open("/staff/portals/quay/consents", "Consents of this portal")
    console.tick("Photographs")
    console.tick("Health data")
    console.sends("Save", "Who has not signed is asked")
    try:
        _both_are_signed(console, worker)
        _another_text_and_a_shorter_time(console)
        _the_new_text_is_signed_for_half_a_year(console, worker)
    finally:
        api.put("/v1/portals/quay/consents", consent_ids=[])


def _a_consent_is_written(console: Console, title: str, renewal: str) -> None:
    browser = console.browser
    console.open("/staff/consents/new", "New consent")
    enter(browser, "Title", title)
    enter(browser, "Text", f"About {title}.")
    choices = "[...document.querySelector('[name=questionnaire_id]').options].map(it => it.textContent)"
    assert "Wording that is not published" not in browser.evaluate(choices)
    console.pick("Questionnaire with its wording (optional)", "Wording of the quay")
    enter(browser, "Ask again after (optional)", renewal)
    console.sends("Create", "Nobody is asked for it before a portal requires it")
    assert _linked(browser) == "Wording of the quay"


def _linked(browser: Browser) -> str:
    return str(
        browser.evaluate("document.querySelector('[name=questionnaire_id]').selectedOptions[0].textContent")
    )


def _sign(console: Console) -> None:
    browser = console.browser
    choose(browser, "Your answer", "I agree")
    enter(browser, "Your name, as a signature (optional)", "Quentin Quay")
    console.tick("I have read the text, and this is my signature")
    console.sends("Send my answer", "Your answer is kept")


def _held(console: Console) -> dict[str, bool]:
    """The consents that are given, and whether the page says until when they hold."""
    found = console.browser.evaluate(
        "[...document.querySelectorAll('main section')].map(it => [it.querySelector('h2').textContent, it.innerText])"
    )
    return {title: "It holds until" in text for title, text in found}


def _both_are_signed(console: Console, worker: Employee) -> None:
    browser = console.browser
    console.sign_in(worker.login, realm="employee", at="/consents")
    wait_for_heading(browser, "Before you go on")
    assert "There are 2 texts." in browser.text
    _sign(console)
    wait_for_heading(browser, "Before you go on")
    _sign(console)
    wait_for_heading(browser, "My consents")
    assert _held(console) == {"Photographs": False, "Health data": True}


def _another_text_and_a_shorter_time(console: Console) -> None:
    browser = console.browser
    console.sign_in(ADMIN, at="/staff/consents")
    console.follow("Photographs", "Photographs")
    enter(browser, "Text (English)", "About photographs of the new quay.")
    console.sends("Save the new text", "Everybody of whom it is required is asked again")
    assert _linked(browser) == "Wording of the quay"
    console.open("/staff/portals/quay/consents", "Consents of this portal")
    enter(browser, "Ask again after (optional)", "P6M")
    console.sends("Save", "Who has not signed is asked")


def _the_new_text_is_signed_for_half_a_year(console: Console, worker: Employee) -> None:
    browser = console.browser
    console.sign_in(worker.login, realm="employee", at="/consents")
    wait_for_heading(browser, "Before you go on")
    assert "About photographs of the new quay." in browser.text
    _sign(console)
    wait_for_heading(browser, "My consents")
    assert _held(console) == {"Photographs": True, "Health data": True}
    given = {each["title"]: each for each in worker.client.get("/v1/me/consents")["items"]}
    assert given["Photographs"]["valid_until"] < given["Health data"]["valid_until"]
