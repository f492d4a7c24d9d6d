"""Authors of changes: first name and initial, and the organisation, in histories, notes, PDFs and FHIR."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.referrals import (
    assignments,
    bulk,
    capacity,
    directory_exports,
    directory_imports,
    fhir,
    offers,
    records,
    status_changes,
)
from services.referrals.authors import names as authors
from services.referrals.authors.names import Author, KnownAuthors
from services.referrals.records.pdf import layout, renderer
from services.referrals.records.pdf.content import PrintedRecord
from tests.integration.referrals.builders import STAFF, STAFF_MAY, Desk, an_export
from tests.support.in_process import HARBOR, a_caller

ASKED = "identity.describe_authors"
PROVIDER_ID = "7" * 32
PEOPLE = {STAFF.id: "Sam F.", PROVIDER_ID: "Rosa M."}
STAFF_ACTOR = {
    "id": STAFF.id,
    "side": "partner",
    "name": "Sam F.",
    "organisation": "Harbor Crisis Line",
    "by_link": False,
}
PROVIDER_ACTOR = {
    "id": PROVIDER_ID,
    "side": "provider",
    "name": "Rosa M.",
    "organisation": "Harbor Shelter Alliance",
    "by_link": False,
}


def describe(request: Mapping[str, Any]) -> dict[str, Any]:
    """Identity's answer with names. Unknown ids are left out."""
    return {
        "organisation_name": "Harbor Crisis Line",
        "authors": [
            {"id": each, "name": PEOPLE[each], "kind": "account", "realm": "staff"}
            for each in request["account_ids"]
            if each in PEOPLE
        ],
    }


@pytest.fixture
def names(desk: Desk) -> Desk:
    """A desk with an identity that answers."""
    desk.service.answers[ASKED] = describe
    return desk


@pytest.fixture
def referral(names: Desk) -> Any:
    """A referral to the Night Shelter, by staff."""
    return names.assign(names.a_queue("Night Shelter"), "Night Shelter", note="Please call.")


def history(desk: Desk, referral: Any, caller: Any = STAFF) -> list[Any]:
    items = desk(assignments.list_referral_history, caller, referral_id=referral["id"])["items"]
    return [item["actor"] for item in items]


def questions(desk: Desk) -> list[list[str]]:
    return [request["account_ids"] for address, request in desk.service.asked if address == ASKED]


def test_both_sides_read_who_changed_it_and_for_which_organisation(names: Desk, referral: Any) -> None:
    provider = names.provider("Night Shelter")
    names.move(referral, "attempting_contact", provider, note="Called.")
    assert history(names, referral) == history(names, referral, provider) == [STAFF_ACTOR, PROVIDER_ACTOR]
    notes = names(assignments.list_referral_notes, provider, referral_id=referral["id"])["items"]
    assert [note["author"] for note in notes] == [STAFF_ACTOR, PROVIDER_ACTOR]


def test_identity_is_asked_once_for_a_page_and_what_it_said_is_kept(names: Desk, referral: Any) -> None:
    names.move(referral, "attempting_contact", names.provider("Night Shelter"))
    for _ in range(3):
        history(names, referral)
    assert questions(names) == [sorted([STAFF.id, PROVIDER_ID])]


@pytest.mark.parametrize("code", ["service_unavailable", "timeout", "internal_error"])
def test_a_list_comes_without_names_when_identity_does_not_answer(
    names: Desk, referral: Any, code: str
) -> None:
    def fails(_request: Any) -> Any:
        raise Refused(code, "Not now.")

    names.service.answers[ASKED] = fails
    names.move(referral, "attempting_contact", names.provider("Night Shelter"))
    assert history(names, referral) == [
        {**STAFF_ACTOR, "name": None, "organisation": None},
        # The answer still has what this service itself knows.
        {**PROVIDER_ACTOR, "name": None},
    ]
    names.service.answers[ASKED] = describe
    assert history(names, referral) == [STAFF_ACTOR, PROVIDER_ACTOR]


def test_an_account_that_identity_does_not_know_has_no_name(names: Desk, referral: Any) -> None:
    names.service.answers[ASKED] = lambda _: {"organisation_name": "Harbor Crisis Line", "authors": []}
    assert history(names, referral) == [{**STAFF_ACTOR, "name": None}]


def test_a_note_carried_along_is_not_said_to_be_of_the_new_agency(names: Desk, referral: Any) -> None:
    queue_id = names.a_queue("Night Shelter", "St. Mary's Café & Pantry", name="Both")
    provider = names.provider("Night Shelter")
    names(assignments.add_referral_note, provider, referral_id=referral["id"], note="No bed tonight.")
    new = names(
        status_changes.reassign_referral,
        referral_id=referral["id"],
        version=names.read(referral)["version"],
        queue_id=queue_id,
        program_id=names.resource["St. Mary's Café & Pantry"],
        carries_notes=True,
    )
    pantry = names.provider("St. Mary's Café & Pantry")
    notes = names(assignments.list_referral_notes, pantry, referral_id=new["id"])["items"]
    assert [note["author"] for note in notes] == [STAFF_ACTOR, {**PROVIDER_ACTOR, "organisation": None}]


def test_changes_of_records_and_of_capacity_say_who_it_was(names: Desk) -> None:
    provider = names.provider("Night Shelter")
    names.a_queue("Night Shelter")
    names.set_capacity("Night Shelter", 3)
    names.set_capacity("Night Shelter", 2, provider)
    page = names(capacity.list_capacity_history, provider, program_id=names.resource["Night Shelter"])
    assert [item["actor"] for item in page["items"]] == [PROVIDER_ACTOR, STAFF_ACTOR]
    record_id = names.a_record()
    names(records.edit_contact_record, contact_record_id=record_id, version=1, first_name="Anna")
    changes = names(records.list_contact_record_changes, contact_record_id=record_id)["items"]
    assert [change["actor"] for change in changes] == [STAFF_ACTOR]


def test_the_paper_names_who_it_was_beside_the_side(
    names: Desk, referral: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[PrintedRecord] = []
    monkeypatch.setattr(renderer, "draw", lambda record: (drawn.append(record), (b"%PDF-", 1))[1])
    names.service.answers["identity.describe_account"] = lambda _: {"organisation_name": "Harbor"}
    names.move(referral, "attempting_contact", names.provider("Night Shelter"))
    names(records.create_referral_pdf, referral_id=referral["id"])
    text = " ".join(words.text for page in layout.layout(drawn[0]) for words in page.words)
    assert "Sam F., partner" in text
    assert "Rosa M., provider" in text


def test_provenance_displays_its_agent(names: Desk, referral: Any) -> None:
    request = {"resource_type": "Provenance", "base_url": "https://portico.example/fhir/R4"}
    wanted = {"target": [f"Task/{referral['id']}"]}
    found = names(fhir.fhir_search, **request, parameters=wanted)["resource"]["entry"]
    assert [entry["resource"]["agent"][0]["who"]["display"] for entry in found] == ["Sam F."]
    one = names(fhir.fhir_read, **request, resource_id=found[0]["resource"]["id"])["resource"]
    assert one["agent"][0]["who"]["display"] == "Sam F."


def test_who_started_a_job_or_made_an_offer_has_a_name_beside_the_id(names: Desk) -> None:
    queue_id = names.a_queue("Night Shelter", "St. Mary's Café & Pantry")
    programs = {
        "program_ids": [names.resource[each] for each in ("Night Shelter", "St. Mary's Café & Pantry")]
    }
    offer = names(offers.create_offer, queue_id=queue_id, contact_record_id=names.a_record(), **programs)
    job = names(
        bulk.start_bulk_assignment, queue_id=queue_id, contact_record_ids=[names.a_record()], **programs
    )
    cancelled = names(bulk.cancel_bulk_job, bulk_job_id=job["id"])
    imported = names.import_file(an_export())
    exported = names(directory_exports.export_directory)
    made = [
        names(offers.get_offer, offer_id=offer["id"]),
        names(offers.withdraw_offer, offer_id=offer["id"], version=1, reason_code="other"),
        *names(offers.list_offers)["items"],
    ]
    started = [
        job,
        cancelled,
        imported,
        exported,
        names(bulk.get_bulk_job, bulk_job_id=job["id"]),
        *names(bulk.list_bulk_jobs)["items"],
        names(directory_imports.get_directory_import, import_id=imported["import_id"]),
        names(directory_imports.list_directory_imports)["items"][0],
        names(directory_exports.get_directory_export, export_id=exported["export_id"]),
    ]
    assert {(each["created_by"], each["created_by_name"]) for each in [offer, *made]} == {
        (STAFF.id, "Sam F.")
    }
    assert {(each["requested_by"], each["requested_by_name"]) for each in started} == {(STAFF.id, "Sam F.")}


def test_a_page_of_offers_takes_one_question_and_comes_without_an_answer_as_well(names: Desk) -> None:
    queue_id = names.a_queue("Night Shelter", "Family Housing First")
    programs = [names.resource[each] for each in ("Night Shelter", "Family Housing First")]
    rosa = a_caller(*STAFF_MAY, id=PROVIDER_ID)
    del names.service.answers[ASKED]
    for caller in (STAFF, rosa, STAFF):
        wish = {"queue_id": queue_id, "contact_record_id": names.a_record(), "program_ids": programs}
        assert names(offers.create_offer, caller, **wish)["created_by_name"] is None
    assert {each["created_by_name"] for each in names(offers.list_offers)["items"]} == {None}
    names.service.answers[ASKED] = describe
    names.service.asked.clear()
    shown = [each["created_by_name"] for each in names(offers.list_offers)["items"]]
    assert shown == ["Sam F.", "Rosa M.", "Sam F."]
    assert questions(names) == [sorted([STAFF.id, PROVIDER_ID])]


def test_names_are_in_no_event_and_in_no_audit_row(names: Desk, referral: Any) -> None:
    names.move(referral, "attempting_contact", names.provider("Night Shelter"))
    history(names, referral)
    kept = str(names.service.events()) + str([row.facts for row in names.service.audit()])
    assert "Sam" not in kept
    assert "Rosa" not in kept


def test_more_than_two_hundred_are_asked_for_in_parts(names: Desk, referral: Any) -> None:
    names.service.answers[ASKED] = describe
    runtime = names.service.runtime
    call: Any = SimpleNamespace(runtime=runtime, organisation_id=HARBOR[0], ask=runtime.ask)
    found = authors.authors_of(call, [f"{number:032x}" for number in range(450)] + [STAFF.id, "referrals"])
    assert [len(each) for each in questions(names)] == [200, 200, 51]
    assert found[STAFF.id] == Author("Sam F.", "Harbor Crisis Line")


def test_what_is_known_is_of_one_organisation_bounded_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(authors.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(authors, "MOST_KEPT", 2)
    known = KnownAuthors()
    known.keep("harbor", {"a": Author("Ann A.", "Harbor")})
    assert known.find("bayside", ["a"]) == {}
    now[0] += 59
    known.keep("harbor", {"b": Author("Ben B.", "Harbor")})
    assert set(known.find("harbor", ["a", "b"])) == {"a", "b"}
    now[0] += 2
    assert set(known.find("harbor", ["a", "b"])) == {"b"}
    known.keep("harbor", {"c": Author("Cy C.", "Harbor"), "d": Author("Di D.", "Harbor")})
    assert set(known.find("harbor", "abcd")) == {"c", "d"}
