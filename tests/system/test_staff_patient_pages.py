"""Patient access and onboarding in the staff console, in a real browser by the keyboard alone."""

from __future__ import annotations

import pytest

from deploy.client import UnexpectedAnswer
from tests.support.browser import PROGRAM, Browser
from tests.support.office import (
    ADMIN,
    PASSWORD,
    Office,
    in_portal,
)
from tests.support.pages import choose, enter, follow, reach, require_good, wait_for_heading
from tests.support.stack import RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def console(portico: RunningStack, chromium: Browser) -> Office:
    console = Office(portico, chromium)
    console.sign_in(ADMIN, at="/staff/people")
    return console


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
