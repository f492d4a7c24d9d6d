"""What a provider sees in the browser, and what not: the fields of a referral, programs of an agency, the own profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.browser import PROGRAM, Browser
from tests.support.console import Console
from tests.support.eventually import eventually
from tests.support.pages import enter, follow
from tests.support.stack import RunningStack

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

SUBMITTED, CONTACT_DATE = "2026-03-04T15:00:00Z", "Mar 4, 2026"
NAMED_STAFF = "staff@harbor.example.org"
NOTHING = "\u2013"
# Of one agency: the first two are in ReferralQs, the third in none.
AGENCY, LEGAL, BENEFITS, PAPERS = (
    "Northlight Recovery",
    "Sober Harbor House",
    "Evening Intensive",
    "Kin Circle",
)


@dataclass
class Clinic(Console):
    """An agency with three programs, two of them in a ReferralQ each."""

    programs: dict[str, Any]
    queues: dict[str, Any]

    def refer(self, program: str, queue: str, note: str | None = None, **record: Any) -> dict[str, Any]:
        """A new referral of a new contact record."""
        made = self.api.post("/v1/contact-records", **record)
        given = {"queue_id": self.queues[queue]["id"], "program_id": self.programs[program]["id"]}
        return dict(self.api.post("/v1/referrals", contact_record_id=made["id"], note=note, **given))

    def number_of(self, referral: dict[str, Any]) -> str:
        return str(referral["limited"]["contact_record_number"])

    def as_provider(self, login: str, at: str = "/provider") -> None:
        self.sign_in(login, realm="provider", at=at)

    @property
    def summary(self) -> dict[str, str]:
        """The fields of the contact record on the page of a referral, by label."""
        pairs = "[...document.querySelectorAll('dl.summary > div')].map(it => [it.children[0].innerText, it.children[1].innerText])"
        return dict(self.browser.evaluate(pairs))


@pytest.fixture(scope="module")
def clinic(portico: RunningStack, chromium: Browser) -> Clinic:
    journey = portico.journey()
    programs = {name: journey.find_program(name) for name in (LEGAL, BENEFITS, PAPERS)}
    queues = {}
    for name, program in (("Seen legal", LEGAL), ("Seen benefits", BENEFITS)):
        queues[name] = portico.admin.post("/v1/queues", name=name)
        portico.admin.put(f"/v1/queues/{queues[name]['id']}/programs/{programs[program]['id']}")
    portico.admin.put(f"/v1/queues/{queues['Seen benefits']['id']}/programs/{programs[LEGAL]['id']}")
    for program in programs.values():
        journey.set_capacity(program, 40)
    return Clinic(portico, chromium, programs, queues)


@pytest.mark.seed("S0-14", "S0-28", "S0-29", "S0-30", "S0-31", "S0-33", "S0-34", "S0-35", "S0-37")
def test_a_provider_sees_the_limited_fields_of_records_from_every_queue(clinic: Clinic) -> None:
    browser, login = clinic.browser, "sees.fields@clinic.example.org"
    clinic.portico.create_provider(login, [clinic.programs[LEGAL]["id"]])
    named = {"first_name": "Rosalind", "last_name": "Quimby", "postal_code": "94103"}
    hidden = {
        "phone": "(555) 555-0142",
        "email": "rosalind@example.org",
        "sections": {"Home": {"Rent": "late"}},
    }
    whole = clinic.refer(LEGAL, "Seen legal", "Call before noon.", submitted_at=SUBMITTED, **named, **hidden)
    bare = clinic.refer(LEGAL, "Seen benefits")
    clinic.as_provider(login, "/provider/referrals")
    seen = clinic.row(clinic.number_of(whole))
    status = whole["limited"]["status"]
    for words in (status, "Rosalind Quimby", "94103", CONTACT_DATE, LEGAL, "Seen legal", "Call before noon."):
        assert words in seen, words
    other = clinic.row(clinic.number_of(bare))  # from another ReferralQ (S0-37)
    assert "Seen benefits" in other
    assert other.count(NOTHING) == 3, other  # no name, no postal code, no note
    assert CONTACT_DATE not in other

    clinic.follow(clinic.number_of(whole), f"Referral {clinic.number_of(whole)}")
    shown = clinic.summary
    assert CONTACT_DATE in shown.pop("Contact date")  # the day of submission, not that of the referral
    assert shown == {
        "ReferralQ": "Seen legal",
        "Assigned resource": LEGAL,
        "Contact record number": clinic.number_of(whole),
        "Status": status,
        "Name": "Rosalind Quimby",
        "Postal code": "94103",
        "Note": "Call before noon.",
    }
    for words in ("555-0142", "rosalind@example.org", "late"):
        assert words not in browser.evaluate("document.documentElement.outerHTML"), words
    clinic.open(f"/provider/referrals/{bare['id']}", f"Referral {clinic.number_of(bare)}")
    assert [clinic.summary[each] for each in ("Name", "Postal code", "Note")] == [NOTHING] * 3


@pytest.mark.seed("S0-32")
def test_notes_go_between_provider_and_staff_with_author_and_time(clinic: Clinic) -> None:
    browser, login = clinic.browser, "writes.notes@clinic.example.org"
    clinic.portico.create_provider(login, [clinic.programs[LEGAL]["id"]])
    referral = clinic.refer(LEGAL, "Seen legal")
    heading = f"Referral {clinic.number_of(referral)}"
    clinic.as_provider(login)
    clinic.open(f"/provider/referrals/{referral['id']}", heading)
    browser.tab_to("note-note")
    browser.type("She asks for an interpreter.")
    clinic.sends("Add the note", "The note is added.")
    clinic.sign_in(NAMED_STAFF)
    clinic.open(f"/staff/referrals/{referral['id']}", heading)
    assert clinic.summary["Note"] == "She asks for an interpreter."
    enter(browser, "New note", "One is booked.")
    clinic.sends("Add the note", "The note is written.")
    for page in ("/staff", "/provider"):
        if page == "/provider":
            clinic.as_provider(login)
        clinic.open(f"{page}/referrals/{referral['id']}", heading)
        assert clinic.summary["Note"] == "One is booked."
        lines = browser.evaluate("[...document.querySelectorAll('.timeline li')].map(it => it.innerText)")
        history = clinic.api.get(f"/v1/referrals/{referral['id']}/history")["items"]
        notes = [each for each in history if each["kind"] == "note"]
        year = notes[0]["at"][:4]
        for each in notes:
            [line] = [line for line in lines if each["note"] in line]
            assert each["actor"]["name"] in line
            assert year in line
    assert len(notes) == 2


@pytest.mark.seed("S0-1", "S0-38")
def test_an_agency_sees_its_programs_that_are_in_a_queue_and_nothing_else(clinic: Clinic) -> None:
    browser, login = clinic.browser, "whole.agency@clinic.example.org"
    [agency] = [
        each
        for each in clinic.api.get("/v1/directory/resources", q=AGENCY)["items"]
        if each["level"] == "agency" and each["name"] == AGENCY
    ]
    clinic.portico.create_provider(login, [agency["id"]])
    of_agency = [
        clinic.refer(program, queue, last_name="Agency")
        for program, queue in ((LEGAL, "Seen legal"), (BENEFITS, "Seen benefits"))
    ]
    journey = clinic.portico.journey()
    shelter = journey.find_program("Interview Wardrobe")
    foreign_queue = clinic.api.post("/v1/queues", name="Seen by others")
    clinic.api.put(f"/v1/queues/{foreign_queue['id']}/programs/{shelter['id']}")
    foreign_line = journey.set_capacity(shelter, 5)
    clinic.queues["others"], clinic.programs["others"] = foreign_queue, shelter
    foreign = clinic.refer("others", "others", last_name="Foreign")

    clinic.as_provider(login, "/provider/referrals")
    for referral in of_agency:
        assert clinic.row(clinic.number_of(referral))
    assert clinic.row(clinic.number_of(foreign)) == ""
    clinic.open("/provider/capacity", "Capacity")
    assert LEGAL in browser.text
    assert BENEFITS in browser.text
    assert PAPERS not in browser.text  # in no ReferralQ
    for address in (
        f"/provider/referrals/{foreign['id']}",
        f"/provider/capacity/{shelter['id']}/{foreign_line['line_id']}",
        f"/provider/capacity/{clinic.programs[PAPERS]['id']}/{'0' * 32}",
    ):
        clinic.open(address, "This page cannot be found")
    # Changed in the address of an own page's form, a foreign referral is refused as well.
    clinic.open(f"/provider/referrals/{of_agency[0]['id']}", "Referral")
    browser.tab_to("note-note")
    browser.type("Not mine.")
    browser.evaluate(
        f"document.getElementById('note-note').form.setAttribute('action', '/provider/referrals/{foreign['id']}')"
    )
    follow(browser, "Add the note")
    browser.wait_for("document.readyState === 'complete' && !document.getElementById('note-note')")
    history = clinic.api.get(f"/v1/referrals/{foreign['id']}/history")["items"]
    assert "Not mine." not in [each["note"] for each in history]

    clinic.api.put(f"/v1/queues/{clinic.queues['Seen legal']['id']}/programs/{clinic.programs[PAPERS]['id']}")

    def is_there() -> None:
        clinic.show("/provider/capacity")
        assert PAPERS in browser.text

    eventually(is_there, timeout_s=20)


@pytest.mark.seed("S0-17")
def test_who_has_no_resource_sees_nothing_and_no_page_of_staff(clinic: Clinic) -> None:
    browser, login = clinic.browser, "denied.at.first@clinic.example.org"
    clinic.portico.create_provider(login, [])
    clinic.refer(LEGAL, "Seen legal", last_name="Unseen")
    clinic.as_provider(login)
    assert "Unseen" not in browser.text
    assert browser.evaluate("document.querySelectorAll('main tbody tr, main .tile').length") == 0
    for page in ("/staff", "/staff/records", "/staff/users"):
        clinic.open(page, "You cannot do this here")
    clinic.open("/provider/referrals", "Referrals")
    assert browser.evaluate("document.querySelectorAll('main tbody tr').length") == 0


@pytest.mark.seed("S0-40", "S0-42")
def test_of_the_own_profile_a_provider_changes_the_mails_about_resources_alone(clinic: Clinic) -> None:
    browser, login = clinic.browser, "own.profile@clinic.example.org"
    account, provider = clinic.portico.create_provider(login, [clinic.programs[LEGAL]["id"]])
    clinic.as_provider(login, "/account")
    section = "document.getElementById('notifications-resource_assigned_emails')"
    assert browser.evaluate(f"{section}.checked")  # on unless switched off
    assert "Notifications" in browser.evaluate(
        "[...document.querySelectorAll('h2')].map(it => it.textContent)"
    )
    assert "This is all that you can change in your profile yourself." in browser.text
    clinic.tick("E-mail me when a referral is assigned to my programs")
    browser.press("Enter")
    clinic.done("Your choice about e-mails is saved.")
    assert provider.get("/v1/me")["wants_resource_assigned_emails"] is False
    assert not browser.evaluate(f"{section}.checked")
    names = "[...document.querySelectorAll('main form :is(input, select, textarea):not([type=hidden])')].map(it => it.name)"
    assert browser.evaluate(names) == ["resource_assigned_emails"]
    clinic.open("/account/settings", "My details")
    assert browser.evaluate(names) == []
    assert "Pat Keeper" in browser.text
    assert clinic.api.get(f"/v1/accounts/{account['id']}")["last_name"] == "Keeper"
