"""Family access in the staff console, in a real browser by the keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.client import UnexpectedAnswer
from tests.support.browser import PROGRAM, Browser
from tests.support.office import (
    ADMIN,
    PASSWORD,
    Office,
    first_sign_in,
    in_portal,
    mails_with_temporary_password,
)
from tests.support.pages import enter, follow, reach
from tests.support.stack import RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Office:
    console = Office(portico, chromium)
    console.sign_in(ADMIN, at="/staff/people")
    return console


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
    "S1-1", "S1-2", "S1-4", "S1-12", "S1-25", "S1-26", "S1-27", "S1-28", "S1-31", "S1-33", "S1-34", "S1-35"
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
    enter(browser, "Login e-mail", "Contact.CLIENT@pages.example.org")  # whatever the case (S1-4)
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
