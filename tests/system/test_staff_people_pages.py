"""People, family access and patient access in the staff console, in a real browser by the keyboard alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from deploy.client import Portico, UnexpectedAnswer
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import choose, enter, follow, reach, require_good, wait_for_heading
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{HARBOR}.example.org"
PASSWORD = "lantern-orchid-quarry-7"
TEMPORARY = re.compile(r"temporary password[^:]*:\s*(\S+)", re.IGNORECASE)


@dataclass
class Office(Console):
    """The console of somebody who looks after people."""

    def person(self, last_name: str, *kinds: str, **members: Any) -> dict[str, Any]:
        given = {"first_name": "Ana", "last_name": last_name, "kinds": list(kinds), **members}
        made: dict[str, Any] = self.portico.admin.post("/v1/people", **given)
        return made

    def get(self, path: str) -> Any:
        return self.portico.admin.get(path)


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Office:
    console = Office(portico, chromium)
    console.sign_in(ADMIN, at="/staff/people")
    return console


def mails_with_temporary_password(portico: RunningStack, email: str, *other: str) -> str:
    """The temporary password of the newest invitation to this address that is none of the others."""

    def fits(mail: dict[str, Any]) -> bool:
        found = TEMPORARY.search(mail["text"])
        return found is not None and found[1] not in other

    found = TEMPORARY.search(portico.journey().await_mail(email, fits)["text"])
    assert found
    return found[1]


def in_portal(
    portico: RunningStack, realm: str, login: str, password: str, new_password: str | None = None
) -> None:
    """Sign in to a portal, where a password that others have set is replaced. Raises UnexpectedAnswer."""
    given = {"organisation": HARBOR, "realm": realm, "login": login, "password": password}
    Portico(portico.url).send(
        "POST", "/v1/sessions", json={**given, "new_password": new_password}, expect=201
    )


def first_sign_in(portico: RunningStack, email: str, temporary: str) -> None:
    """Sign in to the Family Portal with the temporary password, and set another."""
    in_portal(portico, "family", email, temporary, PASSWORD)


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


@pytest.mark.seed(
    "S1-1",
    "S1-5",
    "S1-7",
    "S1-8",
    "S1-9",
    "S1-10",
    "S1-11",
    "S1-14",
    "S1-16",
    "S1-17",
    "S1-18",
    "S1-19",
    "S1-20",
    "S1-29",
)
def test_a_client_gets_family_portal_access(console: Office) -> None:
    browser, portico = console.browser, console.portico
    client = console.person("Familyclient", "client", email="record.client@pages.example.org")
    page = f"/staff/people/{client['id']}"
    heading = f"Person {client['number']}"

    # The client: the field has the address on record, and may be changed.
    console.open(page, heading)
    console.follow("Add Family Portal Access", "Add Family Portal Access")
    address = "document.getElementById('add_family_access-email')"
    assert browser.evaluate(f"[{address}.value, {address}.readOnly]") == [
        "record.client@pages.example.org",
        False,
    ]
    enter(browser, "Login e-mail", "family.client@pages.example.org")
    follow(browser, "Save")
    console.refused("Role: this is needed.")
    assert browser.evaluate(f"{address}.value") == "family.client@pages.example.org"
    roles = browser.evaluate(
        "[...document.getElementById('add_family_access-role').options].map(it => it.text)"
    )
    assert roles[0] == "Choose a role"
    assert len(roles) > 2
    console.pick("Role", roles[1])
    follow(browser, "Save")
    console.done("Family Portal access is added")
    assert "Add Family Portal Access" not in browser.text  # only for those without access
    first = mails_with_temporary_password(portico, "family.client@pages.example.org")

    # The client's own access: resent until the first sign-in, then no more.
    console.follow("Manage Family Portal Access", "Manage Family Portal Access")
    assert "Invited, not signed in yet" in browser.text
    follow(browser, "Resend invite")
    console.done("The invitation is on its way again.")
    second = mails_with_temporary_password(portico, "family.client@pages.example.org", first)
    with pytest.raises(UnexpectedAnswer, match="credentials_refused"):
        in_portal(portico, "family", "family.client@pages.example.org", first, PASSWORD)
    first_sign_in(portico, "family.client@pages.example.org", second)
    browser.send("Page.reload")
    browser.wait_for("!document.body.innerText.includes('Resend invite')")
    assert "not signed in yet" not in browser.text

    # The pencil leads to Demographics, where the e-mail is edited.
    console.follow("Edit in Demographics", f"Change person {client['number']}")
    enter(browser, "E-mail", "renamed.client@pages.example.org")
    follow(browser, "Save")
    console.done("The person is saved.")
    access = console.get(f"/v1/clients/{client['id']}/family-access/{client['id']}")
    assert access["login"] == "renamed.client@pages.example.org"


def roles_of(console: Office, client: dict[str, Any]) -> list[str]:
    form = console.get(f"/v1/clients/{client['id']}/family-access/{client['id']}/form")
    return [each["name"] for each in form["roles"]]


@pytest.mark.seed(
    "S1-1", "S1-2", "S1-12", "S1-25", "S1-26", "S1-27", "S1-28", "S1-31", "S1-33", "S1-34", "S1-35"
)
def test_a_contact_is_added_and_gets_family_portal_access(console: Office) -> None:
    browser, portico = console.browser, console.portico
    client = console.person("Contactclient", "client", email="contact.client@pages.example.org")
    roles = roles_of(console, client)
    own = f"/v1/clients/{client['id']}/family-access/{client['id']}"
    portico.admin.post(own, role=console.get(f"{own}/form")["roles"][0]["code"])
    page, heading = f"/staff/people/{client['id']}", f"Person {client['number']}"
    console.open(page, heading)
    console.follow("Add a contact", f"Add a contact of client {client['number']}")
    follow(browser, "Enter a new person")
    enter(browser, "First name", "Olga")
    enter(browser, "Last name", "Familycontact")
    reach(browser, "Postal code")
    follow(browser, "Enter")
    console.done("The person is entered.")
    enter(browser, "What they are to the client", "Mother")
    follow(browser, "Add the contact")
    console.done("The contact is added.")
    assert "No access" in console.row("Familycontact")
    console.follow("Add Family Portal Access for Olga", "Add Family Portal Access")
    enter(browser, "Login e-mail", "contact.client@pages.example.org")
    console.pick("Role", roles[1])
    follow(browser, "Save")
    console.refused("Another account of this portal uses it to log in")
    enter(browser, "Login e-mail", "olga@pages.example.org")
    follow(browser, "Save")
    console.done("Family Portal access is added")
    line = console.row("Familycontact")
    assert roles[1] in line
    assert "Invited, not signed in yet" in line
    assert "Add Family Portal Access" not in line
    first_sign_in(
        portico,
        "olga@pages.example.org",
        mails_with_temporary_password(portico, "olga@pages.example.org"),
    )
    console.open(page, heading)
    line = console.row("Familycontact")
    assert "not signed in yet" not in line  # but when: the year of this moment
    signed_in_at = console.get(f"/v1/clients/{client['id']}/contacts")["items"][0]["family_access"]
    assert signed_in_at["last_sign_in_at"][:4] in line


@pytest.mark.seed("S1-24", "S1-36", "S1-37", "S1-38", "S1-39", "S1-40")
def test_a_contacts_access_is_edited_removed_and_ends_with_the_contact(console: Office) -> None:
    browser, portico = console.browser, console.portico
    client = console.person("Endingclient", "client")
    contact = console.person(
        "Familycontact", "contact", first_name="Olga", email="olga.ends@pages.example.org"
    )
    portico.admin.post(f"/v1/clients/{client['id']}/contacts", contact_id=contact["id"], relation="aunt")
    roles = roles_of(console, client)
    access = f"/v1/clients/{client['id']}/family-access/{contact['id']}"
    role = console.get(f"{access}/form")["roles"][0]["code"]
    portico.admin.post(access, role=role)
    page, heading = f"/staff/people/{client['id']}", f"Person {client['number']}"
    console.open(page, heading)
    console.follow("Manage Family Portal Access of Olga", "Manage Family Portal Access")
    follow(browser, "Resend invite")
    console.done("The invitation is on its way again.")
    first_sign_in(
        portico,
        "olga.ends@pages.example.org",
        mails_with_temporary_password(portico, "olga.ends@pages.example.org"),
    )
    console.open(page, heading)
    console.follow("Manage Family Portal Access of Olga", "Manage Family Portal Access")
    assert "Resend invite" not in browser.text
    console.follow("Edit the access to", "Edit Family Portal access")
    console.pick("Role", roles[1])
    follow(browser, "Save")
    console.done("The access is changed.")
    console.follow("Remove", "Remove Family Portal access")
    assert "It is the last profile" in browser.text
    console.follow("Do not remove", "Manage Family Portal Access")  # nothing has ended
    console.follow("Remove", "Remove Family Portal access")
    follow(browser, "Confirm: remove the access")
    console.done("The access to this client's profile is removed.")
    assert "No access" in console.row("Familycontact")

    # Disabling the contact ends access, which is said before.
    portico.admin.post(access, role=role)
    console.open(page, heading)
    console.follow("Disable contact", f"Disable a contact of client {client['number']}")
    assert "This also removes the contact's Family Portal access" in browser.text
    assert console.get(access)["login"] == "olga.ends@pages.example.org"  # nothing has ended yet
    follow(browser, "Confirm: disable the contact")
    console.done("The contact is disabled.")
    assert "Disabled" in console.row("Familycontact")
    portico.admin.get(access, expect=404)


@pytest.mark.seed("S1-3", "S1-13", "S1-21", "S1-22", "S1-23", "S1-30", "S1-41")
def test_one_address_reaches_several_profiles_each_with_its_role(console: Office) -> None:
    browser, admin = console.browser, console.portico.admin
    first, second = (console.person(name, "client") for name in ("Severalone", "Severaltwo"))
    contact = console.person("Severalcontact", "contact", email="several@pages.example.org")
    for client in (first, second):
        admin.post(f"/v1/clients/{client['id']}/contacts", contact_id=contact["id"], relation="aunt")
    access = f"/v1/clients/{first['id']}/family-access/{contact['id']}"
    roles = console.get(f"{access}/form")["roles"]
    admin.post(access, role=roles[0]["code"], email="several.login@pages.example.org")

    console.open(f"/staff/people/{second['id']}/family/{contact['id']}/add", "Add Family Portal Access")
    field = "document.getElementById('add_family_access-email')"
    assert browser.evaluate(f"[{field}.value, {field}.readOnly]") == ["several.login@pages.example.org", True]
    console.pick("Role", roles[0]["name"])
    browser.evaluate(f"{field}.value = 'another@pages.example.org'")  # past the page's own guard
    follow(browser, "Save")
    console.refused("The person has a Family Portal account")
    console.open(f"/staff/people/{second['id']}/family/{contact['id']}/add", "Add Family Portal Access")
    console.pick("Role", roles[0]["name"])
    follow(browser, "Save")
    console.done("Family Portal access is added")

    console.open(f"/staff/people/{second['id']}/family/{contact['id']}", "Manage Family Portal Access")
    assert "This client" in console.row("Severaltwo")
    assert "Severalone" in console.row("Severalone")
    console.open(f"/staff/people/{second['id']}/family/{contact['id']}/role", "Edit Family Portal access")
    console.pick("Role", roles[1]["name"])
    follow(browser, "Save")
    console.done("The access is changed.")
    assert roles[1]["name"] in console.row("Severaltwo")
    assert roles[0]["name"] in console.row("Severalone")  # the other profile stays as it is
    console.follow("Remove", "Remove Family Portal access")
    assert "Access to 1 other profile stays." in browser.text
    follow(browser, "Confirm: remove the access")
    console.done("The access to this client's profile is removed.")
    assert console.get(access)["other_profiles"] == []


@pytest.mark.seed("S3-20", "S3-21", "S3-22", "S3-23", "S3-27", "S3-31", "S3-34", "S3-37", "S3-38", "S3-39")
@pytest.mark.seed("S3-30")
def test_a_patient_gets_access_by_invitation_and_by_hand(console: Office) -> None:
    browser, portico = console.browser, console.portico
    patient = console.person("Portalpatient", "patient", date_of_birth="1980-02-29")
    page, heading = f"/staff/people/{patient['id']}/portal", f"Patient Portal access of {patient['number']}"
    console.open(page, heading)
    for words in (
        "Inactive",
        "access is not enabled",
        "no e-mail on file",
        "no postal code on file",
        "No Access to Portal",
    ):
        assert words in browser.text
    shape = "document.querySelector('main .tag').className"
    assert browser.evaluate(shape) == "tag tag-bad"  # red; with its own shape and word
    assert "Send invitation" not in browser.text  # access must be enabled first
    reach(browser, "I have verified with the patient")
    browser.press(" ")
    follow(browser, "Enable access for")
    console.refused("email, postal_code: not on file")
    console.follow("Change e-mail or postal code", f"Change person {patient['number']}")
    enter(browser, "E-mail", "shared@pages.example.org")
    enter(browser, "Postal code", "02139")
    follow(browser, "Save")
    console.done("The person is saved.")
    console.open(page, heading)
    follow(browser, "Enable access for")
    console.refused("Verify with the patient that nobody else reads this e-mail")
    reach(browser, "I have verified with the patient")
    browser.press(" ")
    follow(browser, "Enable access for")
    console.done("Access is enabled")
    assert "Not activated yet" in browser.text
    assert browser.evaluate(shape) == "tag tag-wait"
    assert "Patient Can Access Portal" in browser.text
    follow(browser, "Send invitation/reset e-mail to")
    console.done("The invitation/reset e-mail is on its way.")
    portico.journey().await_mail("shared@pages.example.org", lambda mail: "#token=" in mail["text"])


@pytest.mark.seed("S3-32", "S3-33", "S3-43", "S3-44", "S3-45", "S3-46")
def test_username_and_password_are_set_by_hand(console: Office) -> None:
    """Somebody shares an e-mail and needs a username that nobody else has."""
    browser, portico = console.browser, console.portico
    given = {"email": "by.hand@pages.example.org", "postal_code": "02139"}
    patient, other = (console.person(f"Portal{name}", "patient", **given) for name in ("hand", "other"))
    portico.admin.put(
        f"/v1/patients/{patient['id']}/credentials",
        username="portal.taken",
        password=PASSWORD,
        enable_access=True,
        attests_email_is_private=True,
    )
    by_hand = f"Set username and password of {other['number']}"
    console.open(f"/staff/people/{other['id']}/portal", "Patient Portal access")
    console.follow("Set username and password by hand", by_hand)
    enter(browser, "Patient's username", "portal.taken")
    browser.wait_for_text("Taken: somebody else has this username.")
    enter(browser, "Patient's username", "x")
    browser.wait_for_text("3 to 64 letters, digits and . _ - @, the first a letter or digit.")
    enter(browser, "Patient's username", "portal.free")
    browser.wait_for_text("Free: this username can be used.")
    require_good(browser)
    enter(browser, "Password", PASSWORD)
    follow(browser, "Save")
    console.refused("Portal access is not enabled for this patient")
    must_change = "document.querySelector('[name=must_change][type=checkbox]').checked"
    assert browser.evaluate(must_change)  # unless staff decide otherwise
    reach(browser, "Enable access, too")
    browser.press(" ")
    reach(browser, "I have verified with the patient")
    browser.press(" ")
    enter(browser, "Password", PASSWORD)
    follow(browser, "Save")
    console.done("Username and password are set.")
    assert "Password set by staff" in browser.text
    with pytest.raises(UnexpectedAnswer, match="password_change_required"):
        in_portal(portico, "patient", "portal.free", PASSWORD)
    in_portal(portico, "patient", "portal.free", PASSWORD, PASSWORD + "-own")
    browser.send("Page.reload")
    browser.wait_for("document.querySelector('main .tag')?.className === 'tag tag-good'")
    assert "Active" in browser.text


@pytest.mark.seed("S3-27", "S3-35")
def test_a_patients_email_is_changed_with_care_and_access_disabled(console: Office) -> None:
    browser, portico = console.browser, console.portico
    other = console.person("Careful", "patient", email="careful@pages.example.org", postal_code="02139")
    portico.admin.put(f"/v1/patients/{other['id']}/portal-access", attests_email_is_private=True)
    console.open(f"/staff/people/{other['id']}/edit", f"Change person {other['number']}")
    assert browser.evaluate("document.getElementById('edit_person-email')") is None
    console.follow("Change the e-mail", f"Change the e-mail of {other['number']}")
    enter(browser, "New e-mail", "own@pages.example.org")
    follow(browser, "Change the e-mail")
    console.refused("Verify with the patient that nobody else reads this e-mail")
    reach(browser, "I have verified with the patient")
    browser.press(" ")
    follow(browser, "Change the e-mail")
    console.done("The e-mail is changed")
    portico.journey().await_mail("careful@pages.example.org", lambda mail: "#token=" not in mail["text"])
    assert console.get(f"/v1/patients/{other['id']}/portal-access")["email"] == "own@pages.example.org"

    follow(browser, "No Access to Portal")
    follow(browser, "Disable access")
    console.done("Access is disabled")
    assert "access is not enabled" in browser.text
    assert not console.get(f"/v1/patients/{other['id']}/portal-access")["is_enabled"]


def test_without_scripts_a_button_tells_whether_a_username_is_free(console: Office) -> None:
    browser = console.browser
    patient = console.person("Scriptless", "patient")
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.go(f"{console.portico.stack.public_url}/staff/people/{patient['id']}/portal/credentials")
        browser.wait_for_text("Is it free?")
        enter(browser, "Is it free?", "scriptless.free")
        browser.press("Enter")
        browser.wait_for_text("Free: this username can be used.")
        assert "scriptless" not in browser.path
        field = "document.getElementById('set_patient_credentials-username').value"
        assert browser.evaluate(field) == "scriptless.free"
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.seed("S3-40", "S3-41", "S3-42")
def test_the_onboarding_tool_enables_and_invites_one_and_many(console: Office) -> None:
    browser, portico = console.browser, console.portico
    given = {"postal_code": "02139"}
    _, two = (
        console.person(f"Aaonboard{name}", "patient", email=f"onboard.{name}@pages.example.org", **given)
        for name in ("one", "two")
    )
    bare = console.person("Aaonboardthree", "patient")
    console.open("/staff/patients", "Patient Portal Onboarding Tool")
    assert "access is not enabled, no e-mail on file" in console.row("Aaonboardthree")
    red = "[...document.querySelectorAll('tr')].find(it => it.textContent.includes('Aaonboardone')).querySelector('.tag').className"
    assert browser.evaluate(red) == "tag tag-bad"
    assert "Enable access" in console.row("Aaonboardone")
    follow(browser, "Enable access for Ana Aaonboardone")
    reach(browser, "I have verified with the patient")
    browser.press(" ")
    browser.press("Tab")
    browser.press("Enter")
    console.done("Access is enabled")
    assert "Not activated yet" in console.row("Aaonboardone")
    follow(browser, "Send the invitation/reset e-mail to onboard.one@pages.example.org")
    console.done("The invitation/reset e-mail is on its way.")
    portico.journey().await_mail("onboard.one@pages.example.org", lambda mail: "#token=" in mail["text"])

    # Many: refused without the attestation, and the ticks stay.
    for last_name in ("Aaonboardtwo", "Aaonboardthree"):
        name = f"[name=person_ids][aria-label='Ana {last_name}']"
        browser.evaluate(f'document.querySelector("{name}").focus()')
        browser.press(" ")
    choose(browser, "What to do", "Enable access")
    follow(browser, "Begin")
    console.refused("Verify with the patient that nobody else reads this e-mail")
    ticked = "document.querySelectorAll('[name=person_ids]:checked').length"
    assert browser.evaluate(ticked) == 2
    reach(browser, "I have verified with each patient")
    browser.press(" ")
    follow(browser, "Begin")
    wait_for_heading(browser, "Enabling many patients")
    browser.wait_for_text("1 done, 1 failed.")  # by itself
    require_good(browser)
    assert "Something is not on file: e-mail" in console.row(bare["number"])
    assert console.get(f"/v1/patients/{two['id']}/portal-access")["is_enabled"]

    console.open("/staff/patients", "Patient Portal Onboarding Tool")
    assert "2 of 2, 1 failed" in browser.text  # the job is found again
    follow(browser, "Tick all on this page", most=300)
    assert browser.evaluate(ticked) >= 3


@pytest.mark.seed("S3-28")
def test_patients_whom_staff_add_are_enabled_where_the_organisation_says_so(console: Office) -> None:
    browser = console.browser
    console.open("/staff/patients/settings", "Patient settings")
    given = {"postal_code": "02139"}
    reach(browser, "Should the patient be able to activate portal without further confirmation?")
    browser.press(" ")
    follow(browser, "Save")
    console.done("The setting is saved.")
    try:
        added = console.person("Aaonboardfour", "patient", email="onboard.four@pages.example.org", **given)
        assert console.get(f"/v1/patients/{added['id']}/portal-access")["is_enabled"]
    finally:
        reach(browser, "Should the patient be able to activate portal without further confirmation?")
        browser.press(" ")
        follow(browser, "Save")
        console.done("The setting is saved.")
    added = console.person("Aaonboardfive", "patient", email="onboard.five@pages.example.org", **given)
    assert not console.get(f"/v1/patients/{added['id']}/portal-access")["is_enabled"]


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
