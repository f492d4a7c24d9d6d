"""People in the staff console, in a real browser by the keyboard alone."""

from __future__ import annotations

import pytest

from tests.support.browser import PROGRAM, Browser
from tests.support.office import (
    ADMIN,
    Office,
)
from tests.support.pages import choose, enter, follow, reach
from tests.support.stack import RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Office:
    console = Office(portico, chromium)
    console.sign_in(ADMIN, at="/staff/people")
    return console


def test_a_person_is_entered_found_changed_and_disabled(console: Office) -> None:
    browser = console.browser
    console.open("/staff/people", "People")
    console.follow("New person", "New person")
    enter(browser, "First name", "Wilhelmina")
    enter(browser, "Mobile telephone", "+1 202 555 0143")
    enter(browser, "E-mail", "wilhelmina@pages.example.org")
    follow(browser, "Enter")
    console.refused("Last name: this is needed.")
    typed = "document.getElementById('create_person-first_name').value"
    assert browser.evaluate(typed) == "Wilhelmina"  # nothing that was typed is lost
    reach(browser, "Client")
    browser.press(" ")
    enter(browser, "Last name", "Pagefinder")
    follow(browser, "Enter")
    console.done("The person is entered.")
    person_id = browser.path.partition("?")[0].rpartition("/")[2]
    found = console.get(f"/v1/people/{person_id}")
    assert (found["last_name"], found["kinds"]) == ("Pagefinder", ["client"])

    for label, text in (
        ("Last name", "pagef"),
        ("Telephone", "+1 (202) 555-0143"),
        ("E-mail", "WILHELMINA@pages.example.org"),
        ("Number", found["number"]),
    ):
        console.open("/staff/people", "People")
        enter(browser, label, text)
        browser.press("Enter")
        browser.wait_for("location.search.startsWith('?q=') && document.readyState === 'complete'")
        assert text.lower() not in browser.path.lower()  # sealed
        assert "Wilhelmina" in console.row(found["number"]), label
    console.follow(found["number"], f"Person {found['number']}")
    console.follow("Change", f"Change person {found['number']}")
    enter(browser, "City", "Somerville")
    follow(browser, "Save")
    console.done("The person is saved.")
    assert "Somerville" in browser.text


def test_what_a_person_is_who_can_see_it_and_the_end_of_it(console: Office) -> None:
    browser = console.browser
    found = console.person("Pagekinds", "client")
    person_id = found["id"]
    console.open(f"/staff/people/{person_id}", f"Person {found['number']}")
    follow(browser, "They are something else, too")
    console.pick("What they are", "Applicant")
    follow(browser, "Note it")
    console.done("That is noted.")
    follow(browser, "No longer: Applicant")
    reach(browser, "No longer: Applicant")
    browser.press("Tab")
    browser.press("Enter")
    console.done("That has ended")
    assert console.get(f"/v1/people/{person_id}")["kinds"] == ["client"]

    console.follow("Who can see this, and why", f"Who can see person {found['number']}")
    assert "because of the role: whoever has it sees all people." in browser.text
    console.follow("Every condition", "Why an account may see person")
    assert "The account may, because all of this holds:" in browser.text
    console.pick("May the account", "see the contacts")
    follow(browser, "Explain")
    browser.wait_for_text("The account may not, because something of this is missing:")

    console.open(f"/staff/people/{person_id}/disable", f"Disable person {found['number']}")
    assert "Nothing else: no account reaches this profile" in browser.text
    follow(browser, "Disable the person")
    console.done("The person is disabled.")
    follow(browser, "Enable again")
    console.done("The person is enabled again.")
    assert console.get(f"/v1/people/{person_id}")["is_disabled"] is False


@pytest.mark.seed("S2-103", "S2-112")
def test_an_applicant_becomes_the_employee_by_a_merge_that_can_be_undone(console: Office) -> None:
    browser = console.browser
    employee = console.person("Mergewell", "employee", email="ana@work.example.org")
    applicant = console.person("Mergewell", "applicant", email="ana@home.example.org", city="Salem")
    console.open(f"/staff/people/{employee['id']}", f"Person {employee['number']}")
    console.follow("Merge with another record", f"Merge person {employee['number']}")
    enter(browser, "Last name", "Mergewell")
    browser.press("Enter")
    browser.wait_for("location.search.startsWith('?q=') && document.readyState === 'complete'")
    console.follow(applicant["number"], f"Merge {applicant['number']} into {employee['number']}")
    choose(browser, "E-mail", "ana@home.example.org (of the merged record)")
    follow(browser, "Merge the two records")
    console.done("The two records are one.")
    kept = console.get(f"/v1/people/{employee['id']}")
    assert (kept["email"], kept["city"], kept["kinds"]) == ("ana@home.example.org", "Salem", ["employee"])
    console.open(f"/staff/people/{applicant['id']}", f"Person {applicant['number']}")
    assert "This record was merged into another one" in browser.text
    console.follow("Open the record that is used", f"Person {employee['number']}")
    follow(browser, "Undo this merge")
    reach(browser, "Undo this merge")
    browser.press("Tab")
    browser.press("Enter")
    console.done("The merge is undone")
    assert console.get(f"/v1/people/{applicant['id']}")["kinds"] == ["applicant"]
    assert "Undo this merge" not in browser.text
    assert console.get(f"/v1/people/{employee['id']}")["email"] == "ana@work.example.org"


@pytest.mark.seed("S2-29", "S2-30", "S2-31", "S2-32", "S2-33")
def test_relationships_are_set_from_the_person_and_from_the_account(console: Office) -> None:
    browser, admin = console.browser, console.portico.admin
    boss = console.person("Relateboss", "employee", email="relate.boss@pages.example.org")
    worker = console.person("Relateworker", "employee", email="relate.worker@pages.example.org")
    account = admin.post(f"/v1/people/{boss['id']}/accounts", realm="employee", role="employee")

    console.open(f"/staff/people/{boss['id']}", f"Person {boss['number']}")
    assert "Self: the account is the person's own" in console.row("Self")
    assert "Employee portal" in console.row(account["login"])

    console.open(f"/staff/people/{worker['id']}", f"Person {worker['number']}")
    assert "This person has no account." in browser.text
    assert "No account is related to this person yet." in browser.text
    console.follow("Add a relationship", f"Add a relationship of person {worker['number']}")
    enter(browser, "Last name", "Relateboss")
    browser.press("Enter")
    browser.wait_for("location.search.startsWith('?q=') && document.readyState === 'complete'")
    console.follow(boss["number"], f"Relate an account to person {worker['number']}")
    follow(browser, "Relate them")
    console.refused("Relationship: this is needed.")
    console.pick("Relationship", "Supervisor of this employee")
    follow(browser, "Relate them")
    console.done("They are related.")
    assert "Supervisor of this employee" in console.row("Relateboss")
    found = console.get(f"/v1/relationships?person_id={worker['id']}")["items"]
    assert [(each["account_id"], each["kind"]) for each in found] == [(account["id"], "supervisor")]
    follow(browser, "End: Supervisor")
    console.done("The relationship has ended.")
    assert "Over" in console.row("Supervisor of this employee")

    console.open(f"/staff/people/{boss['id']}", f"Person {boss['number']}")
    console.follow("Relate to a person", f"Relate an account of person {boss['number']}")
    enter(browser, "Last name", "Relateworker")
    browser.press("Enter")
    browser.wait_for("location.search.startsWith('?q=') && document.readyState === 'complete'")
    console.follow(worker["number"], f"Relate the account to person {worker['number']}")
    console.pick("Relationship", "Supervisor of this employee")
    follow(browser, "Relate them")
    console.done("They are related.")
    found = console.get(f"/v1/relationships?person_id={worker['id']}")["items"]
    assert [each["is_over"] for each in found] == [True, False]


@pytest.mark.seed("S1-6", "S2-113", "S3-46")
def test_who_may_only_read_people_is_offered_nothing_more(portico: RunningStack, console: Office) -> None:
    """The last of the module: somebody else signs in to the browser."""
    email = "people.reader@harbor.example.org"
    portico.create_staff(email, "supervisor")
    client = console.person("Readonly", "client", "patient", email="read.only@pages.example.org")
    contact = console.person("Readcontact", "contact", email="read.contact@pages.example.org")
    portico.admin.post(f"/v1/clients/{client['id']}/contacts", contact_id=contact["id"], relation="aunt")
    console.sign_in(email, at="/staff/people")
    console.open(f"/staff/people/{client['id']}", f"Person {client['number']}")
    assert "Readcontact" in console.row("aunt")
    for words in (
        "Add Family Portal Access",
        "Manage Family Portal Access",
        "Merge with another record",
        "Disable contact",
        "Add a contact",
    ):
        assert words not in console.browser.text, words
    console.open(f"/staff/people/{client['id']}/portal", "Patient Portal access")
    assert "Enable access for" not in console.browser.text
    for path in (
        f"/staff/people/{client['id']}/family/{contact['id']}/add",
        f"/staff/people/{client['id']}/merge/{contact['id']}",
    ):
        console.browser.go(portico.stack.public_url + path)
        console.browser.wait_for("document.querySelector('h1') && document.readyState === 'complete'")
        assert "Merge" not in console.browser.evaluate("document.querySelector('h1').textContent")
        assert console.browser.evaluate("document.querySelectorAll('main form').length") == 0
