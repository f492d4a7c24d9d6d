"""Administration in the staff console, in a real browser by the keyboard: users, settings, audit, messages, documents."""

from __future__ import annotations

import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import SAMPLE
from deploy.journey import a_pdf
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.eventually import eventually
from tests.support.pages import choose, enter, follow, reach, require_good, wait_for_heading
from tests.support.stack import HARBOR, RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

ADMIN = f"admin@{HARBOR}.example.org"
SHELTER = "Night Shelter"
SITE = "Marsh Road Annex"


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Console:
    console = Console(portico, chromium)
    console.sign_in(ADMIN, at="/staff/administration")
    return console


@pytest.mark.seed("S0-15")
@pytest.mark.seed("S0-16")
@pytest.mark.seed("S0-18")
@pytest.mark.seed("S0-19")
def test_a_provider_is_created_as_a_user_and_gets_resources_only_at_the_saved_level(console: Console) -> None:
    browser, api, email = console.browser, console.api, "olga.admin@shelter.example.org"
    console.open("/staff/administration", "Administration")
    console.follow("Users", "Users")
    console.follow("New user", "New user")
    enter(browser, "First name", "Olga")
    enter(browser, "Last name", "Adminmade")
    enter(browser, "E-mail", "no address")
    follow(browser, "Create")
    console.refused("E-mail: ")
    enter(browser, "E-mail", email)
    assert browser.evaluate("document.getElementById('create_account-last_name').value") == "Adminmade"
    console.sends("Create", "The user is created")
    wait_for_heading(browser, "Olga Adminmade")
    account_id = console.last_of_address
    path = f"/v1/accounts/{account_id}"

    # The Provider settings are not there before the level is saved (S0-19).
    assert "Standard" in browser.text
    assert "Provider Portal Information" not in browser.text
    console.open(f"/staff/users/{account_id}/provider", "Provider Portal Information")
    assert "appear when the security level Provider Portal User is saved" in browser.text
    assert "Can Edit Capacity" not in browser.text
    console.open(f"/staff/users/{account_id}", "Olga Adminmade")
    console.follow("Security level", "Security level")
    choose(browser, "Security level", "Provider Portal User")
    console.sends("Save", "The security level is saved")
    assert api.get(path)["realm"] == "provider"
    assert "sees nothing" in browser.text


@pytest.mark.seed("S0-20")
@pytest.mark.seed("S0-21")
@pytest.mark.seed("S0-22")
@pytest.mark.seed("S0-23")
@pytest.mark.seed("S0-24")
@pytest.mark.seed("S0-26")
@pytest.mark.seed("S0-27")
@pytest.mark.seed("S0-36")
def test_resources_are_added_by_name_and_deleted_and_switches_hold(console: Console) -> None:
    browser, api = console.browser, console.api
    shelter = console.portico.journey().find_program(SHELTER)
    account = a_provider(console, "resources.admin@shelter.example.org")
    path = f"/v1/accounts/{account['id']}"
    console.open(f"/staff/users/{account['id']}", "Olga Resourced")
    assert "sees nothing" in browser.text
    console.follow("Provider", "Provider Portal Information")

    # Agencies and programs are found, sites are not (S0-20); adding is repeatable (S0-21).
    assert SITE in SAMPLE.read_text()
    enter(browser, "Resource: name of an agency or program", SITE)
    browser.press("Enter")
    browser.wait_for_text("Sites cannot be assigned")
    assert not browser.evaluate("!!document.querySelector('input[name=resource_id]')")
    enter(browser, "Resource: name of an agency or program", SHELTER)
    browser.press("Enter")
    for _ in range(2):
        browser.wait_for("document.querySelectorAll('input[name=resource_id]').length > 0")
        choose(browser, "Found", f"{SHELTER} (program, {shelter['agency_name']})")
        console.sends("Add to Resources List", "The resource is on the list")
    assert [each["resource_id"] for each in api.get(path)["resources"]] == [shelter["id"]]

    reach(browser, "Can Edit Capacity")
    browser.press(" ")
    reach(browser, "Can Access Contact Record Details")
    browser.press(" ")
    console.sends("Save", "It is saved")
    assert api.get(path)["switches"] == {
        "can_edit_capacity": True,
        "can_change_status": False,
        "can_access_details": True,
    }
    follow(browser, f"Delete {SHELTER}")
    console.sends("Delete from the list", "The resource is deleted from the list")
    assert api.get(path)["resources"] == []
    assert "No resource is assigned yet" in browser.text


@pytest.mark.seed("S0-43")
def test_a_mail_that_was_not_sent_says_why_on_the_page_of_its_user(console: Console) -> None:
    browser, api, email = console.browser, console.api, "mailed.admin@shelter.example.org"
    journey = console.portico.journey()
    shelter = journey.find_program(SHELTER)
    account_id = a_provider(console, email)["id"]
    api.post(f"/v1/accounts/{account_id}/resources", expect=200, resource_id=shelter["id"])
    queue = api.post("/v1/queues", name="Administered housing")
    api.put(f"/v1/queues/{queue['id']}/programs/{shelter['id']}")
    journey.set_capacity(shelter, 30)
    record = api.post("/v1/contact-records", first_name="Rosalind", last_name="Mailed")
    api.post("/v1/referrals", contact_record_id=record["id"], queue_id=queue["id"], program_id=shelter["id"])
    eventually(lambda: _require(api.get("/v1/deliveries", account_id=account_id)["items"]), 20)
    console.open(f"/staff/users/{account_id}", "Olga Resourced")
    assert "Not sent on purpose" in browser.text
    assert "The e-mail address is not confirmed" in browser.text
    console.sends("Send the invitation", "The invitation is on its way")
    assert journey.await_mail(email, lambda mail: "set-password" in mail["text"] or "http" in mail["text"])


def a_provider(console: Console, email: str) -> dict[str, Any]:
    """A provider who is invited to be, without resources."""
    given = {"email": email, "first_name": "Olga", "last_name": "Resourced"}
    account = console.api.post("/v1/accounts", **given)
    path = f"/v1/accounts/{account['id']}/security-level"
    level = {"version": account["version"], "security_level": "provider_portal_user"}
    return dict(console.api.put(path, **level))


def _require(found: Any) -> Any:
    assert found
    return found


def test_a_user_is_found_without_a_trace_in_the_address_corrected_disabled_and_enabled(
    console: Console,
) -> None:
    browser, api = console.browser, console.api
    api_of_user = console.portico.create_staff("renamed.admin@harbor.example.org")
    console.open("/staff/users", "Users")
    enter(browser, "Name or e-mail", "renamed.admin@harbor.example.org")
    browser.press("Enter")
    browser.wait_for("document.querySelectorAll('tbody tr').length === 1")
    assert "renamed" not in urllib.parse.unquote(browser.path)
    console.follow("Sam Field", "Sam Field")
    account_id = console.last_of_address
    console.follow("Correct name and e-mail", "Correct name and e-mail")
    enter(browser, "Last name", "Fielding")
    console.sends("Save", "The user is saved")
    wait_for_heading(browser, "Sam Fielding")
    follow(browser, "Disable this user")
    console.sends("Disable now", "The user is disabled")
    assert api.get(f"/v1/accounts/{account_id}")["state"] == "disabled"
    api_of_user.get("/v1/me", expect=401)
    console.sends("Enable this user", "The user is enabled again")

    console.follow("What this user may do, and why", "What this user may do, and why")
    browser.evaluate("document.getElementById('permission').value = 'account.manage'")
    follow(browser, "Explain")
    browser.wait_for_text("No, this user may not do that")
    assert "The role or security level includes it: No (Standard)" in " ".join(browser.text.split())
    require_good(browser)


def test_a_supervisor_sees_users_and_no_way_to_change_them(console: Console) -> None:
    console.portico.create_staff("looks.only@harbor.example.org", "supervisor")
    console.sign_in("looks.only@harbor.example.org", at="/staff/administration")
    browser = console.browser
    try:
        links = browser.evaluate("[...document.querySelectorAll('main a')].map(it => it.pathname)")
        assert "/staff/users" in links
        assert not {"/staff/roles", "/staff/realms", "/staff/audit", "/staff/api-clients"} & set(links)
        console.follow("Users", "Users")
        assert "New user" not in browser.text
        console.open(f"/staff/users/{console.api.get('/v1/me')['id']}", "")
        forms = browser.evaluate("document.querySelectorAll('main form[method=post]').length")
        assert forms == 0
    finally:
        console.sign_in(ADMIN, at="/staff/administration")


def test_how_long_messages_are_kept_is_chosen_by_channel(console: Console) -> None:
    """Within the limits of the installation (N-8)."""
    browser, path = console.browser, "/v1/channel-settings"
    before = console.api.get(path)
    console.open("/staff/channels", "Ways of sending")
    require_good(browser)
    enter(browser, "Text message", "29")
    reach(browser, "Save")
    browser.press("Enter")
    console.refused("Text message")
    enter(browser, "Text message", "45")
    console.sends("Save", "saved how long messages are kept")
    after = console.api.get(path)["kept_days"]
    assert (after["text"], after["email"]) == (45, before["kept_days"]["email"])


def test_settings_refuse_what_is_wrong_beside_its_field_and_hold_at_once(console: Console) -> None:
    browser, api = console.browser, console.api
    console.open("/staff/realms", "Sign-in and sessions")
    console.follow("Applicants", "Applicants")
    enter(browser, "Minutes without use", "20")
    enter(browser, "Networks from which people may sign in", "somewhere")
    follow(browser, "Save")
    console.refused("192.0.2.0/24")
    enter(browser, "Networks from which people may sign in", "192.0.2.0/24")
    console.sends("Save", "The settings are saved")
    now = api.get("/v1/realms/applicant")
    assert (now["session_idle_minutes"], now["allowed_networks"]) == (20, ["192.0.2.0/24"])

    console.open("/staff/organisation", "Organisation")
    enter(browser, "Telephone", "+1 202 555 0123")
    console.sends("Save what everybody may know", "What everybody may know is saved")
    assert (
        browser.evaluate("document.querySelector('footer a[href^=tel]').textContent")
        == (api.get("/v1/organisation")["telephone"])
    )
    # Market row P-10: the address is shown, or not.
    for address in ("1 Harbor Street, Boston", ""):
        enter(browser, "Postal address", address)
        console.sends("Save what everybody may know", "What everybody may know is saved")
        assert ("Harbor County, 1 Harbor Street" in browser.text) is bool(address)

    console.open("/staff/portals/provider/look", "Look")
    before = api.get("/v1/portals/provider")
    enter(browser, "Colour", "#ffdd00")
    follow(browser, "Try this colour first")
    browser.wait_for_text("Nothing is saved yet.")
    assert "4.5 to 1 is needed to be read easily" in browser.text
    require_good(browser)
    assert api.get("/v1/portals/provider/draft")["colour"] == before["colour"]
    console.sends("Save the draft", "The draft is saved")
    assert api.get("/v1/portals/provider/draft")["colour"] == "#ffdd00"
    assert api.get("/v1/portals/provider") == before  # until somebody publishes it


@pytest.mark.seed("S1-14")
def test_a_role_of_a_portal_is_made_and_can_be_given(console: Console) -> None:
    browser, api = console.browser, console.api
    console.open("/staff/roles", "Roles")
    console.follow("New role of a portal", "New role of a portal")
    enter(browser, "Name", "Neighbour")
    enter(browser, "Code", "neighbour")
    reach(browser, "See the schedule")
    browser.press(" ")
    follow(browser, "Add the role")
    console.refused("Portal")
    browser.evaluate("document.getElementById('create_role-realm').value = 'family'")
    console.sends("Add the role", "The role is there")
    wait_for_heading(browser, "Neighbour")
    role = api.get(f"/v1/roles/{console.last_of_address}")
    assert (role["realm"], role["permissions"]) == ("family", ["profile.view_schedule"])
    reach(browser, "See medications")
    browser.press(" ")
    console.sends("Save the role", "The role is saved")
    assert api.get(f"/v1/roles/{role['id']}")["permissions"] == [
        "profile.view_medications",
        "profile.view_schedule",
    ]


@pytest.mark.seed("S2-135")
def test_the_mail_with_a_one_time_code_is_reworded_and_a_mail_that_is_not_needed_switched_off(
    portico: RunningStack, console: Console
) -> None:
    browser, api, email = console.browser, console.api, "coda.admin@works.example.org"
    person = api.post("/v1/people", first_name="Coda", last_name="Mail", email=email, kinds=["employee"])[
        "id"
    ]
    console.open("/staff/message-texts/pickup_code", "Pick-up code")
    words = "Bring it to the desk: {{ pickup_code }} opens {{ portal_link }} for {{ lifetime }}."
    enter(browser, "Text", words)
    enter(browser, "HTML form", f"<p>{words}</p>")
    console.sends("Save", "The text is saved")
    try:
        api.post(f"/v1/people/{person}/pickup-codes/sent", expect=202)
        mail = portico.journey().await_mail(email, lambda each: "Bring it to the desk: " in each["text"])
        assert "has made a pick-up code for you" not in mail["text"]
    finally:
        follow(browser, "Back to the product's words")
        console.sends("Use the product's words", "product's own words again")
    path = "/v1/notice-settings"
    before = api.get(path)
    console.open("/staff/notices", "Notices")
    choose_box(console, "An appointment is booked", "The person")
    console.sends("Save", "saved")
    after = api.get(path)
    assert "person" in before["told"]["appointment_booked"]
    assert "person" not in after["told"]["appointment_booked"]
    others = {topic for topic in before["told"] if topic != "appointment_booked"}
    assert all(after["told"][topic] == before["told"][topic] for topic in others)
    choose_box(console, "An appointment is booked", "The person")
    console.sends("Save", "saved")
    assert api.get(path)["told"] == before["told"]


def choose_box(console: Console, group: str, label: str) -> None:
    """Change a box of the group with this legend, by the keyboard."""
    legend = "document.activeElement.closest('fieldset')?.querySelector('legend')?.textContent.trim()"
    for _ in range(120):
        if (
            console.browser.evaluate(legend) == group
            and console.browser.evaluate("document.activeElement.labels?.[0]?.textContent.trim()") == label
        ):
            console.browser.press(" ")
            return
        console.browser.press("Tab")
    raise AssertionError(f"{group} has no box {label}")


def test_a_message_is_reworded_with_a_preview_and_reset(console: Console) -> None:
    browser, api = console.browser, console.api
    console.open("/staff/message-texts", "Message texts")
    console.follow("New password", "New password")
    kind = console.last_of_address
    enter(browser, "Text", "Hello.")
    follow(browser, "Save")
    console.refused("reset_link")
    enter(browser, "Text", "Hello. Use {{ reset_link }}")
    enter(browser, "HTML form", "<p>Hello. Use {{ reset_link }}</p>")
    follow(browser, "Preview")
    browser.wait_for_text("Nothing is saved yet. The values are made up.")
    assert "Hello. Use http" in browser.text
    require_good(browser)
    assert api.get(f"/v1/message-templates/{kind}")["is_default"]
    console.sends("Save", "The text is saved")
    assert not api.get(f"/v1/message-templates/{kind}")["is_default"]
    newest = api.get(f"/v1/message-templates/{kind}/versions", language="en")["items"][0]["number"]
    console.open(f"/staff/message-texts/{kind}/versions?language=en", "Earlier versions")
    console.follow(f"Version {newest}", f"Version {newest}")
    assert "Hello. Use {{ reset_link }}" in browser.text
    console.open(f"/staff/message-texts/{kind}", "New password")
    follow(browser, "Back to the product's words")
    console.sends("Use the product's words", "product's own words again")
    assert api.get(f"/v1/message-templates/{kind}")["is_default"]


def test_the_audit_trail_is_filtered_and_exported(console: Console) -> None:
    browser = console.browser
    console.open("/staff/audit?action=account.created", "Audit")
    rows = browser.evaluate("[...document.querySelectorAll('tbody tr')].map(it => it.innerText)")
    assert rows
    assert all("account.created" in row for row in rows)
    console.follow("Export what is filtered", "Export")
    text = browser.evaluate("document.querySelector('a[download]').href")
    assert text.startswith("data:text/csv")
    lines = urllib.parse.unquote(text.partition(",")[2]).splitlines()
    assert all("account.created" in line for line in lines[1:])
    assert len(lines) > 1


def test_emergency_access_is_opened_with_a_reason_ended_and_reviewed_by_another(console: Console) -> None:
    browser, api = console.browser, console.api
    record = api.post("/v1/contact-records", first_name="Rosalind", last_name="Urgent")
    console.open(
        f"/staff/emergency/new?object_type=contact_record&object_id={record['id']}", "Emergency access"
    )
    choose(browser, "Why", "Immediate danger to somebody")
    enter(browser, "Reason in your own words", "short")
    follow(browser, "Open it")
    console.refused("Reason")
    enter(browser, "Reason in your own words", "The caller is not safe at home.")
    console.sends("Open it", "The emergency access is open")
    assert browser.evaluate(f"!!document.querySelector('a[href=\"/staff/records/{record['id']}\"]')")
    console.sends("End it now", "The emergency access has ended")
    (access,) = [
        each for each in api.get("/v1/emergency-accesses")["items"] if each["object_id"] == record["id"]
    ]
    assert access["ended_at"]
    console.open("/staff/emergency", "Emergency accesses")
    assert "The caller is not safe at home." in browser.text
    follow(browser, "Review")
    choose(browser, "What you have found", "It was justified")
    follow(browser, "Note the finding")
    console.refused("second person")


@pytest.mark.seed("S4-4")
@pytest.mark.seed("S4-20")
@pytest.mark.seed("S4-21")
def test_a_document_is_sent_found_in_the_unsigned_report_and_marked_as_returned(
    console: Console, tmp_path: Path
) -> None:
    browser, api = console.browser, console.api
    program = console.portico.journey().find_program("Meals to the Door")
    account, provider = console.portico.create_provider("signs.admin@meals.example.org", [program["id"]])
    record = api.post("/v1/contact-records", first_name="Rosalind", last_name="Planned")
    file = tmp_path / "plan.pdf"
    file.write_bytes(a_pdf(record["number"]))
    console.open(f"/staff/documents/send?contact_record_id={record['id']}", "Send a document")
    enter(browser, "Name or e-mail of the signer", "signs.admin@meals.example.org")
    browser.press("Enter")
    browser.wait_for_text("What is signed")
    assert record["number"] in browser.text
    enter(browser, "Title", "Plan of care for spring")
    browser.choose_file("send_document-file", file)
    console.sends("Send", "The document is on its way")
    document_id = console.last_of_address
    assert "Awaiting signature" in browser.text
    assert api.get(f"/v1/documents/{document_id}")["recipient_account_id"] == account["id"]

    document = provider.get(f"/v1/documents/{document_id}")
    provider.act(f"/v1/documents/{document_id}/signature", version=document["version"], meaning="approval")
    console.open("/staff/documents", "Unsigned report")
    console.follow("Plan of care for spring", "Plan of care for spring")
    assert "Signed, to return" in browser.text
    console.sends("Mark as returned", "The document is marked as returned")
    assert api.get(f"/v1/documents/{document_id}")["state"] == "returned"
    console.open("/staff/documents", "Unsigned report")
    assert "Plan of care for spring" not in browser.text

    declined = console.portico.journey().send_document(record, account)
    provider.act(
        f"/v1/documents/{declined['id']}/decline", version=declined["version"], note="The goal is wrong."
    )
    console.open("/staff/documents?state=declined", "Unsigned report")  # it stays there (S4-20)
    console.open(f"/staff/documents/{declined['id']}", "Plan of care")
    assert "The goal is wrong." in browser.text
    console.follow("Send a corrected version", "Send a document")
    assert "The goal is wrong." in browser.text
    browser.choose_file("send_document-file", file)
    console.sends("Send", "The document is on its way")
    corrected = api.get(f"/v1/documents/{console.last_of_address}")
    assert (corrected["revision"], corrected["replaces_document_id"]) == (2, declined["id"])
    assert corrected["recipient_account_id"] == account["id"]
