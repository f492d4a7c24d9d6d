"""Contact records, referrals, work on many and ReferralQs in the staff console, in a real browser by the keyboard."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from deploy.client import Portico
from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.pages import choose, enter, follow, reach, require_good, wait_for_heading
from tests.support.stack import RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

STAFF = "admin@harbor.example.org"
PROVIDER = "referred.keeper@shelter.example.org"
SHELTER, MEALS = "Night Shelter", "Meals to the Door"


@dataclass
class Desk(Console):
    """A ReferralQ with two programs and the provider of one, and a browser in which staff is signed in."""

    queue: dict[str, Any]
    shelter: dict[str, Any]
    meals: dict[str, Any]
    provider: Portico

    def record(self, last_name: str, **more: Any) -> dict[str, Any]:
        return dict(self.api.post("/v1/contact-records", first_name="Rosalind", last_name=last_name, **more))

    def refer(self, last_name: str, **more: Any) -> dict[str, Any]:
        given = {"queue_id": self.queue["id"], "program_id": self.shelter["id"], **more}
        record = self.record(last_name)
        return dict(self.api.post("/v1/referrals", contact_record_id=record["id"], **given))


@pytest.fixture(scope="module")
def desk(portico: RunningStack, chromium: Browser) -> Desk:
    journey = portico.journey()
    shelter, meals = journey.find_program(SHELTER), journey.find_program(MEALS)
    form = {"code": "housing", "name": "Housing form", "sections": ["Household"]}
    queue = portico.admin.post("/v1/queues", name="Console housing", forms=[form])
    for program in (shelter, meals):
        portico.admin.put(f"/v1/queues/{queue['id']}/programs/{program['id']}")
        journey.set_capacity(program, 30)
    _, provider = portico.create_provider(PROVIDER, [shelter["id"]])
    desk = Desk(portico, chromium, queue, shelter, meals, provider)
    desk.sign_in(STAFF)
    return desk


@pytest.mark.seed("S0-3")
@pytest.mark.seed("S0-49")
def test_an_intake_looks_for_the_person_enters_refers_and_warns_of_doubles(desk: Desk) -> None:
    browser = desk.browser
    ana = {"phone": "(202) 555-0188", "postal_code": "20009"}
    known = desk.record("Doubleday", **ana)
    desk.show(f"/staff/intake?queue_id={desk.queue['id']}")
    require_good(browser)
    follow(browser, "Look first")
    enter(browser, "Name", "Rosalind Doubleday")
    enter(browser, "Telephone", "202 555 0188")
    enter(browser, "Postal code", "20009")
    follow(browser, "Look")
    browser.wait_for_text("Is it one of these?")
    assert known["number"] in browser.text
    assert "Doubleday" not in browser.path  # no name stands in an address
    require_good(browser)
    # The free places stand beside the choice, and what was looked for is filled in.
    assert "free beds" in browser.text
    assert browser.evaluate("document.getElementById('create_intake-last_name').value") == "Doubleday"
    enter(browser, "Household: question 1", "Children")
    enter(browser, "Household: answer 1", "Two")
    follow(browser, "Enter and refer")
    browser.wait_for("document.activeElement.id === 'error-summary'")  # no resource is chosen
    require_good(browser)
    assert browser.evaluate("document.getElementById('create_intake-sections-0-value').value") == "Two"
    choose(browser, "Resource", choices(browser, SHELTER)[0])
    follow(browser, "Enter and refer")
    browser.wait_for_text("The contact record is entered and its referral is sent.")
    browser.wait_for_text("There may be another contact record of the same person")
    require_good(browser)
    assert known["number"] in browser.text
    record = desk.api.get(f"/v1/contact-records/{desk.last_of_address}")
    assert (record["form_code"], record["sections"]) == ("housing", {"Household": {"Children": "Two"}})
    seen = desk.provider.get("/v1/referrals", number=record["number"])["items"]
    assert [each["limited"]["assigned_resource"] for each in seen] == [SHELTER]
    assert desk.provider.get("/v1/referrals", expect=404, number=known["number"])


def choices(browser: Browser, beginning: str) -> list[str]:
    labels = "[...document.querySelectorAll('.form-check-label')].map(it => it.textContent.trim())"
    return [text for text in browser.evaluate(labels) if text.startswith(beginning)]


@pytest.mark.seed("S0-48")
def test_a_contact_record_is_referred_or_offered_to_several_programs(desk: Desk) -> None:
    browser = desk.browser
    record = desk.record("Offered")
    desk.show(f"/staff/records/{record['id']}/refer")
    desk.pick("ReferralQ", "Console housing")
    follow(browser, "Show its resources")
    browser.wait_for_text("Offer it to several programs at once instead")
    require_good(browser)
    choose(browser, "Resource", choices(browser, SHELTER)[0])
    desk.pick("Priority", "Urgent")
    follow(browser, "Refer")
    browser.wait_for_text("The contact record is referred.")
    require_good(browser)
    referral = desk.api.get(f"/v1/referrals/{desk.last_of_address}")
    assert referral["progress"]["priority"] == "urgent"
    assert referral["progress"]["queue_id"] == desk.queue["id"]

    other = desk.record("Several")
    desk.show(f"/staff/records/{other['id']}/offer?queue_id={desk.queue['id']}")
    desk.tick(SHELTER)
    enter(browser, "Hours until it expires", "48")
    follow(browser, "Offer")
    browser.wait_for("document.activeElement.id === 'error-summary'")  # at least two
    require_good(browser)
    desk.tick(MEALS)
    follow(browser, "Offer")
    browser.wait_for_text("The offer is sent to each of the programs.")
    require_good(browser)
    offer = desk.api.get(f"/v1/offers/{desk.last_of_address}")
    assert (offer["asked"], offer["waiting"], offer["expires_at"] is not None) == (2, 2, True)
    follow(browser, MEALS)
    wait_for_heading(browser, f"Referral {other['number']}")
    assert "Offered to several programs" in browser.text
    follow(browser, "The whole offer")
    browser.wait_for_text("Who was asked")
    follow(browser, "Take the offer back")
    desk.pick("Reason", "No longer needed")
    follow(browser, "Take the offer back")
    browser.wait_for_text("The offer is taken back.")
    assert desk.api.get(f"/v1/offers/{offer['id']}")["state"] == "withdrawn"


@pytest.mark.seed("S0-4")
@pytest.mark.seed("S0-11")
def test_a_referral_can_be_answered_moved_noted_and_taken_back(desk: Desk) -> None:
    browser = desk.browser
    referral = desk.refer("Worked")
    path = f"/v1/referrals/{referral['id']}"
    desk.show(f"/staff/referrals/{referral['id']}")
    require_good(browser)
    choose(browser, "New status", "Enrolled")
    browser.press("Enter")
    browser.wait_for_text("The status is changed.")
    follow(browser, "Take the acceptance back")
    follow(browser, "Offer it again")
    browser.wait_for_text("The acceptance is taken back.")
    follow(browser, "Change the priority")
    desk.pick("Priority", "Immediately")
    follow(browser, "Save the priority")
    browser.wait_for_text("The priority is changed.")
    enter(browser, "New note", "Only for us.")
    desk.tick("Internal")
    follow(browser, "Add the note")
    browser.wait_for_text("The note is written.")
    assert "Only for us." in browser.text
    assert "Only for us." not in json.dumps(desk.provider.get(f"{path}/notes"))
    follow(browser, "Decline")
    follow(browser, "Decline the referral")
    browser.wait_for("document.activeElement.id === 'error-summary'")  # without a reason
    desk.pick("Reason for declining", "Not eligible")
    follow(browser, "Decline the referral")
    browser.wait_for_text("The referral is declined.")
    require_good(browser)
    now = desk.api.get(path)["progress"]
    assert (now["status_key"], now["reason_code"], now["ended_by"]) == (
        "declined",
        "not_eligible",
        "provider",
    )
    assert "Save the priority" not in browser.text  # an ended referral keeps its priority
    follow(browser, "Take back")
    desk.pick("Reason for taking back", "Entered in error")
    follow(browser, "Take the referral back")
    browser.wait_for_text("The referral is taken back.")
    assert "More that can be done" not in browser.text
    desk.provider.get(path, expect=404)


@pytest.mark.seed("S0-46")
def test_after_a_reassignment_the_provider_before_is_told_no_more_than_that(desk: Desk) -> None:
    browser = desk.browser
    referral = desk.refer("Reassigned")
    number = referral["limited"]["contact_record_number"]
    for note in ("Speaks Spanish.", "Was rude on the phone."):
        desk.api.post(f"/v1/referrals/{referral['id']}/notes", note=note)
    desk.show(f"/staff/referrals/{referral['id']}")
    follow(browser, "Reassign")
    wait_for_heading(browser, "Reassign referral")
    assert choices(browser, SHELTER) == []  # it is there already
    choose(browser, "New resource", choices(browser, MEALS)[0])
    desk.tick("Speaks Spanish.")
    follow(browser, "Reassign the referral")
    browser.wait_for_text("The referral is reassigned.")
    require_good(browser)
    notes = desk.api.get(f"/v1/referrals/{desk.last_of_address}/notes")["items"]
    assert [each["note"] for each in notes] == ["Speaks Spanish."]
    desk.sign_in(PROVIDER, realm="provider", at="/provider")
    for path in (f"/provider/referrals?number={number}", f"/provider/referrals/{referral['id']}"):
        desk.show(path)
        browser.wait_for_text("may have been reassigned")
        assert "Reassigned" not in browser.evaluate("document.querySelector('main').innerText")
        assert "Meals" not in browser.text
    desk.sign_in(STAFF)


def test_ticked_referrals_are_moved_at_once_after_a_trial_and_failures_have_words(desk: Desk) -> None:
    browser = desk.browser
    first, second = desk.refer("Tickedone"), desk.refer("Tickedtwo")
    ended = f"/v1/referrals/{second['id']}/withdrawal"
    desk.api.act(ended, second["version"], reason_code="other")
    desk.show(f"/staff/referrals?queue_id={desk.queue['id']}&is_open=true")
    require_good(browser)
    assert "ReferralQ: Console housing" in browser.text
    follow(browser, "Open: Yes")  # each filter can be taken away
    browser.wait_for("document.readyState === 'complete' && !location.search.includes('is_open')")
    for each in (first, second):
        browser.evaluate(f"document.querySelector('[name=id][value=\"{each['id']}\"]').focus()")
        browser.press(" ")
    follow(browser, "Change the status of the ticked ones")
    browser.wait_for_text("2 referrals are ticked.")
    choose(browser, "New status", "Enrolled")
    enter(browser, "Note", "Moved together.")
    follow(browser, "Show what it would do")
    browser.wait_for_text("Nothing is changed yet.")
    require_good(browser)
    assert "1 would be done" in browser.text
    assert "1: The ReferralQ does not allow this move, or the referral has ended" in browser.text
    assert desk.api.get(f"/v1/referrals/{first['id']}")["progress"]["status_key"] == "referred"
    follow(browser, "Change them")
    browser.wait_for_text("It has started.")
    browser.wait_for(
        "document.querySelector('#progress') && !('refresh' in document.querySelector('#progress').dataset)"
    )
    desk.show(browser.path)
    require_good(browser)
    assert "Why some failed" in browser.text
    moved = desk.api.get(f"/v1/referrals/{first['id']}")
    assert (moved["progress"]["status_key"], moved["limited"]["note"]) == ("enrolled", "Moved together.")
    desk.show("/staff/bulk-work")
    require_good(browser)
    assert "Change of status of many" in browser.text


def test_all_of_a_program_and_ticked_records_are_referred_at_once(desk: Desk) -> None:
    browser = desk.browser
    records = [desk.record("Together") for _ in range(2)]
    ids = "&".join(f"id={each['id']}" for each in records)
    desk.show(f"/staff/bulk-work/assignment?queue_id={desk.queue['id']}&{ids}")
    require_good(browser)
    assert "2 contact records are ticked." in browser.text
    desk.tick(MEALS)
    follow(browser, "Show what it would do")
    browser.wait_for_text("2 would be done")
    follow(browser, "Refer them")
    browser.wait_for_text("It has started.")
    browser.wait_for_text("Done\n2")
    desk.show(f"/staff/bulk-work/reassignment?queue_id={desk.queue['id']}")
    choose(browser, "From", choices(browser, MEALS)[0])
    choose(browser, "To", choices(browser, SHELTER)[0])
    follow(browser, "Show what it would do")
    browser.wait_for_text("Nothing is changed yet.")
    assert "0 would be done" not in browser.text
    open_there = {"program_id": desk.meals["id"], "queue_id": desk.queue["id"], "is_open": "true"}
    assert desk.api.get("/v1/referrals", **open_there)["items"]  # it was only a trial


@pytest.mark.seed("S0-47")
@pytest.mark.seed("S0-12")
@pytest.mark.seed("S0-13")
def test_a_referralq_is_created_and_its_statuses_put_in_order(desk: Desk) -> None:
    browser = desk.browser
    desk.show("/staff/queues")
    require_good(browser)
    follow(browser, "New ReferralQ")
    wait_for_heading(browser, "New ReferralQ")
    enter(browser, "Name", "Console pantry")
    follow(browser, "Create")
    browser.wait_for_text("The ReferralQ is there.")
    require_good(browser)
    queue_id = desk.last_of_address
    path = f"/v1/queues/{queue_id}"
    usual = [each["label"] for each in desk.api.get(path)["statuses"]]
    assert usual[:3] == ["Referred", "Attempting Contact", "Enrolled"]

    follow(browser, "Change the statuses")
    wait_for_heading(browser, "Statuses of Console pantry")
    row = f"edit_queue-statuses-{len(usual)}"
    for member, text in (("place", "2.5"), ("label", "Waiting for papers")):
        browser.evaluate(
            f"document.getElementById('{row}-{member}').focus(); document.activeElement.select()"
        )
        browser.type(text)
    follow(browser, "Save the statuses")
    browser.wait_for("document.activeElement.id === 'error-summary'")  # the stage is never guessed
    invalid = f"document.getElementById('{row}-category').getAttribute('aria-invalid')"
    assert browser.evaluate(invalid) == "true"
    require_good(browser)
    browser.evaluate(f"document.getElementById('{row}-category').focus()")
    desk.pick("Stage", "Accepted")
    follow(browser, "Save the statuses")
    browser.wait_for_text("The ReferralQ is saved.")
    labels = [each["label"] for each in desk.api.get(path)["statuses"]]
    assert labels == [*usual[:2], "Waiting for papers", *usual[2:]]


@pytest.mark.seed("S0-54")
def test_the_settings_of_a_referralq_are_changed(desk: Desk) -> None:
    browser = desk.browser
    queue_id = desk.api.post("/v1/queues", name="Console pantry settings")["id"]
    path = f"/v1/queues/{queue_id}"
    desk.show(f"/staff/queues/{queue_id}")
    follow(browser, "Change the settings")
    wait_for_heading(browser, "Settings of Console pantry")
    enter(browser, "Hours until the first answer is due", "soon")
    follow(browser, "Save the settings", 120)
    browser.wait_for("document.activeElement.id === 'error-summary'")
    enter(browser, "Hours until the first answer is due", "48")
    enter(browser, "Hours at Enrolled at most", "100")
    desk.pick("When a program is full", "Put it on the waitlist")
    desk.tick("Consent to share is needed")
    enter(browser, "Text in the e-mail", "Please answer in two days.")
    desk.tick("Remove outcome 1")
    follow(browser, "Save the settings", 120)
    browser.wait_for_text("The ReferralQ is saved.")
    settings = desk.api.get(path)["settings"]
    told = ("due_hours", "status_due_hours", "when_full", "consent_required", "assignment_email_text")
    assert [settings[name] for name in told] == [
        48,
        {"enrolled": 100},
        "waitlist",
        True,
        "Please answer in two days.",
    ]
    assert "service_received" not in [each["code"] for each in settings["outcomes"]]
    assert settings["may_reopen"] is True


@pytest.mark.seed("S0-54")
def test_moves_fields_of_stages_and_contact_forms_are_chosen(desk: Desk) -> None:
    browser = desk.browser
    queue_id = desk.api.post("/v1/queues", name="Console pantry choices")["id"]
    path = f"/v1/queues/{queue_id}"
    desk.show(f"/staff/queues/{queue_id}")
    follow(browser, "Change which moves are allowed")
    wait_for_heading(browser, "Moves of Console pantry")
    desk.tick("Completed")  # from Referred
    follow(browser, "Save the moves", 120)
    browser.wait_for_text("The ReferralQ is saved.")
    assert "completed" not in desk.api.get(path)["settings"]["allowed_moves"]["referred"]
    follow(browser, "Change which moves are allowed")
    wait_for_heading(browser, "Moves of Console pantry")
    follow(browser, "Let all moves be free")
    browser.wait_for_text("The ReferralQ is saved.")
    assert desk.api.get(path)["settings"]["allowed_moves"] is None
    follow(browser, "Change what providers see")
    wait_for_heading(browser, "What providers of Console pantry choices see")
    desk.tick("Telephone")  # when offered
    follow(browser, "Save what is seen")
    browser.wait_for_text("The ReferralQ is saved.")
    shown = desk.api.get(path)["settings"]["stage_fields"]
    assert ("phone" in shown["offered"], "phone" in shown["accepted"]) == (False, True)
    follow(browser, "Change the contact forms")
    wait_for_heading(browser, "Contact forms of Console pantry")
    enter(browser, "Name", "Food")
    enter(browser, "Code", "food")
    enter(browser, "Sections", "Household\nDiet")
    follow(browser, "Save the contact forms")
    browser.wait_for_text("The ReferralQ is saved.")
    assert desk.api.get(path)["forms"][0]["sections"] == ["Household", "Diet"]


@pytest.mark.seed("S0-12")
@pytest.mark.seed("S0-20")
@pytest.mark.seed("S0-47")
def test_a_program_is_linked_and_a_referralq_with_open_referrals_deactivated_with_a_warning(
    desk: Desk,
) -> None:
    browser = desk.browser
    queue_id = desk.api.post("/v1/queues", name="Console closing")["id"]
    path = f"/v1/queues/{queue_id}"
    desk.show(f"/staff/queues/{queue_id}")
    enter(browser, "Find an agency or program to link", "meals to the")
    browser.press("Enter")
    browser.wait_for_text("Found")
    require_good(browser)
    choose(browser, "Found", choices(browser, MEALS)[0])
    follow(browser, "Link")
    browser.wait_for_text("The program is linked.")
    record = desk.record("Pantry")
    given = {"queue_id": queue_id, "program_id": desk.meals["id"], "contact_record_id": record["id"]}
    referral = desk.api.post("/v1/referrals", **given)
    foreign = {"version": referral["version"], "status": "no_such_status"}
    assert desk.api.put(f"/v1/referrals/{referral['id']}/status", expect=422, **foreign)

    desk.show(f"/staff/queues/{queue_id}")
    follow(browser, "Unlink")
    wait_for_heading(browser, f"Unlink {MEALS}")
    assert "It has open referrals here." in browser.text
    follow(browser, "Unlink")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    desk.show(f"/staff/queues/{queue_id}/deactivate")
    require_good(browser)
    assert "It has 1 open referral." in browser.text
    follow(browser, "Deactivate")
    browser.wait_for("document.activeElement.id === 'error-summary'")
    assert desk.api.get(path)["is_active"]
    desk.tick("Deactivate it although")
    follow(browser, "Deactivate")
    browser.wait_for_text("The ReferralQ is inactive.")
    desk.show("/staff/queues")
    assert "Console closing" not in browser.text
    follow(browser, "Show inactive ones too")
    browser.wait_for_text("Console closing")
    require_good(browser)
    follow(browser, "Console closing")
    wait_for_heading(browser, "Console closing")
    follow(browser, "Reactivate")
    browser.wait_for_text("The ReferralQ is active.")
    assert desk.api.get(path)["is_active"]


@pytest.mark.seed("S0-7")
def test_without_status_changes_nobody_is_offered_one(desk: Desk) -> None:
    browser = desk.browser
    referral = desk.refer("Configured")
    desk.show("/staff/workflow-settings")
    require_good(browser)
    desk.tick("The status of a referral is changed here")
    follow(browser, "Save")
    browser.wait_for_text("The settings are saved.")
    try:
        desk.show(f"/staff/referrals/{referral['id']}")
        assert "Change the status" not in browser.text
        assert "Add a note" in browser.text
        assert "Reassign" in browser.text
    finally:
        desk.api.put("/v1/workflow-settings", has_status_changes=True)
    desk.show(f"/staff/referrals/{referral['id']}")
    assert "Change the status" in browser.text
    desk.show("/staff/report-settings")
    require_good(browser)
    reach(browser, "Time zone")
    browser.evaluate("document.activeElement.selectedOptions[0].value = 'Nowhere/Else'")
    follow(browser, "Save")
    browser.wait_for("document.activeElement.id === 'error-summary'")


@pytest.mark.parametrize("width", [320])
def test_every_page_fits_a_phone_in_the_dark(desk: Desk, width: int) -> None:
    browser = desk.browser
    referral = desk.refer("Darkest")
    record_id = referral["progress"]["contact_record_id"]
    queue = f"/staff/queues/{desk.queue['id']}"
    browser.show_as(prefers_color_scheme="dark")
    browser.resize(width, 700)
    for path in (
        f"/staff/intake?queue_id={desk.queue['id']}",
        f"/staff/records/{record_id}/refer?queue_id={desk.queue['id']}",
        f"/staff/records/{record_id}/offer?queue_id={desk.queue['id']}",
        f"/staff/referrals?queue_id={desk.queue['id']}&is_urgent=true&is_open=true",
        f"/staff/referrals/{referral['id']}",
        f"/staff/referrals/{referral['id']}/reassign?queue_id={desk.queue['id']}",
        "/staff/offers",
        f"/staff/bulk-work/status-change?queue_id={desk.queue['id']}",
        queue,
        *(
            f"{queue}/{part}"
            for part in ("edit", "statuses", "settings", "moves", "shown", "forms", "deactivate")
        ),
    ):
        desk.show(path)
        assert "Something has gone wrong" not in browser.text, path
        require_good(browser)
