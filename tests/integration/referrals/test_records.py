"""Contact records."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from services.contracts.referrals import records
from services.contracts.referrals.records import contact_record_created
from tests.integration.referrals.builders import OTHER_STAFF, PROVIDER_MAY, Desk, refusal
from tests.support.in_process import a_caller, a_service

SECTIONS = {"Needs": {"Housing": "tonight", "People": 3, "Pets": False}, "About": {"Language": "es"}}


@pytest.mark.seed("S0-3")
def test_a_record_keeps_what_was_taken_down_in_the_order_of_the_form(desk_on_both: Desk) -> None:
    desk = desk_on_both
    made = desk(
        records.create_contact_record,
        first_name="Ana",
        last_name="Vega",
        postal_code="20001",
        phone="202 555 0100",
        email="ana@example.org",
        sections=SECTIONS,
        submitted_at="2026-03-01T09:30:00+01:00",
    )
    read = desk(records.get_contact_record, contact_record_id=made["id"])
    assert {**read, "possible_duplicates": []} == made
    assert (read["number"], read["postal_code"], read["submitted_at"]) == (
        "CR-00000001",
        "20001",
        "2026-03-01T08:30:00+00:00",
    )
    assert [(title, list(fields.items())) for title, fields in read["sections"].items()] == [
        ("Needs", [("Housing", "tonight"), ("People", 3), ("Pets", False)]),
        ("About", [("Language", "es")]),
    ]


def test_nothing_is_demanded_of_a_help_seeker(desk: Desk) -> None:
    made = desk(records.create_contact_record)
    assert (made["first_name"], made["postal_code"], made["sections"]) == (None, None, {})
    submitted_at = datetime.datetime.fromisoformat(made["submitted_at"])
    assert abs((datetime.datetime.now(datetime.UTC) - submitted_at).total_seconds()) < 30


def test_every_reading_of_a_record_is_audited(desk: Desk) -> None:
    record_id = desk.a_record()
    for _ in range(2):
        desk(records.get_contact_record, contact_record_id=record_id, key="the same key")
    rows = desk.service.audit("contact_record.read")
    assert [(row.object_id, row.actor_id) for row in rows] == [(record_id, "5" * 32)] * 2


def test_the_event_says_nothing_about_the_person(desk: Desk) -> None:
    record_id = desk.a_record()
    (event,) = desk.service.events(contact_record_created)
    assert event["data"] == {"contact_record_id": record_id, "contact_record_number": "CR-00000001"}


def test_numbers_are_counted_without_gap_or_repetition(desk_on_both: Desk) -> None:
    desk = desk_on_both
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: desk.a_record(), range(40)))
    numbers = {desk(records.get_contact_record, contact_record_id=one)["number"] for one in ids}
    assert numbers == {f"CR-{count:08d}" for count in range(1, 41)}


def test_each_organisation_counts_by_itself(desk: Desk) -> None:
    desk.a_record()
    assert desk(records.create_contact_record, OTHER_STAFF)["number"] == "CR-00000001"


@pytest.mark.parametrize(
    "sections",
    [
        {"Needs": {"Housing": ["a", "list"]}},
        {"Needs": {"Housing": {"nested": 1}}},
        {"": {"Housing": "x"}},
        {"Needs": {"Housing": "nul \0"}},
        {"Needs": {"nul \0": "x"}},
    ],
)
def test_sections_that_are_no_form_are_refused(desk: Desk, sections: object) -> None:
    assert refusal(lambda: desk(records.create_contact_record, sections=sections)) == "invalid_contact_record"


def test_nobody_else_reads_a_record(desk: Desk) -> None:
    record_id = desk.a_record()
    provider = desk.provider("Night Shelter", may=(*PROVIDER_MAY, "record.read"))
    unknown_realm = a_caller("record.read", realm="client")
    for caller, code in ((OTHER_STAFF, "not_found"), (provider, "forbidden"), (unknown_realm, "forbidden")):
        read = partial(desk, records.get_contact_record, caller, contact_record_id=record_id)
        assert refusal(read) == code
    assert desk.service.audit("contact_record.read") == []


def test_signing_learns_a_records_number_and_no_more(desk: Desk) -> None:
    record_id = desk.a_record()
    answer = desk(records.describe_contact_record, a_service("signing"), contact_record_id=record_id)
    nobody = {"person_id": None, "named_person_id": None}
    assert answer == {"contact_record_id": record_id, "number": "CR-00000001", **nobody}
    elsewhere = a_service("signing", ("b" * 32, "bayside"))
    assert (
        refusal(lambda: desk(records.describe_contact_record, elsewhere, contact_record_id=record_id))
        == "not_found"
    )
