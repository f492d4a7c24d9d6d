"""Contact records at work: changes, searching, hints at duplicates."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from sqlalchemy import event

from services.contracts.errors import Refused
from services.contracts.referrals import assignments, intakes, records
from services.contracts.referrals.records import contact_record_changed
from tests.integration.referrals.builders import OTHER_STAFF, STAFF, Desk, refusal
from tests.support.names import FOUND_BY, FOUND_BY_NOTHING

PERSON = "d" * 32


def at(text: str) -> str:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC).isoformat()


def test_a_change_is_kept_by_field_and_author_and_never_by_value(desk: Desk) -> None:
    made = desk(records.create_contact_record, first_name="Ana", postal_code="20001", person_id=PERSON)
    edited = desk(
        records.edit_contact_record,
        contact_record_id=made["id"],
        version=1,
        first_name="Anna",
        postal_code="20001",
        sections={"Needs": {"Housing": "tonight"}},
    )
    assert (edited["first_name"], edited["version"], edited["postal_code"]) == ("Anna", 2, "20001")
    (change,) = desk(records.list_contact_record_changes, contact_record_id=made["id"])["items"]
    assert (change["version"], change["fields_changed"], change["actor_id"]) == (
        2,
        ["first_name", "sections"],
        STAFF.id,
    )
    (row,) = desk.service.audit("contact_record.edited")
    assert row.facts == {"fields": ["first_name", "sections"], "version": 2, "person_id": PERSON}
    (event,) = desk.service.events(contact_record_changed)
    assert event["data"] == {
        "contact_record_id": made["id"],
        "contact_record_number": made["number"],
        "version": 2,
    }


def test_what_stays_as_it_was_is_no_change(desk: Desk) -> None:
    record_id = desk.a_record(first_name="Ana")
    same = desk(records.edit_contact_record, contact_record_id=record_id, version=1, first_name=" Ana ")
    assert same["version"] == 1
    assert desk(records.list_contact_record_changes, contact_record_id=record_id)["items"] == []


def test_of_two_editors_the_second_reads_again(desk_on_both: Desk) -> None:
    desk = desk_on_both
    record_id = desk.a_record()
    desk(records.edit_contact_record, contact_record_id=record_id, version=1, phone="555 1234")
    late = {"contact_record_id": record_id, "phone": "555 9999"}
    assert refusal(lambda: desk(records.edit_contact_record, version=1, **late)) == "version_conflict"
    assert desk(records.get_contact_record, contact_record_id=record_id)["phone"] == "555 1234"


@pytest.mark.seed("S0-34")
def test_the_day_of_submission_can_be_mended_and_is_never_that_of_the_referral(desk: Desk) -> None:
    queue_id = desk.a_queue("Night Shelter")
    record_id = desk.a_record(submitted_at=at("2026-03-01T08:30:00"))
    referral = desk.assign(queue_id, "Night Shelter", record_id)
    assert referral["limited"]["contact_date"] == at("2026-03-01T08:30:00")
    desk(
        records.edit_contact_record,
        contact_record_id=record_id,
        version=1,
        submitted_at=at("2026-02-27T10:00:00"),
    )
    seen = desk(assignments.get_referral, desk.provider("Night Shelter"), referral_id=referral["id"])
    assert seen["limited"]["contact_date"] == at("2026-02-27T10:00:00")


def test_whose_record_was_read_stands_in_the_audit_trail_where_it_is_known(desk: Desk) -> None:
    known, unknown = desk.a_record(person_id=PERSON), desk.a_record()
    for record_id in (known, unknown):
        desk(records.get_contact_record, contact_record_id=record_id)
    assert [row.person_id for row in desk.service.audit("contact_record.read")] == [PERSON, None]


def test_a_record_that_is_like_another_is_pointed_out_to_staff(desk: Desk) -> None:
    ana = {"first_name": "Ana", "last_name": "Vega", "postal_code": "20001", "phone": "(202) 555-0100"}
    first = desk(records.create_contact_record, **ana)
    assert first["possible_duplicates"] == []
    spelled = {**ana, "first_name": "ANA ", "phone": "202 555 0100"}
    assert desk(records.create_contact_record, **spelled)["possible_duplicates"] == [first["number"]]
    for other in ({**ana, "last_name": "Vegas"}, {**ana, "phone": "202 555 0101"}, {"first_name": "Ana"}):
        assert desk(records.create_contact_record, **other)["possible_duplicates"] == []
    assert desk(records.create_contact_record, OTHER_STAFF, **ana)["possible_duplicates"] == []
    known = desk(records.list_possible_duplicates, contact_record_id=first["id"])["items"]
    assert [(each["contact_name"], each["open_referrals"]) for each in known] == [("ANA Vega", 0)]
    asked = {"contact_record_id": first["id"]}
    assert refusal(lambda: desk(records.list_possible_duplicates, OTHER_STAFF, **asked)) == "not_found"


def test_staff_finds_records_by_number_postal_code_and_time(desk_on_both: Desk) -> None:
    desk = desk_on_both
    queue_id = desk.a_queue("Night Shelter")
    march = desk.a_record(postal_code="sw1a 1aa", submitted_at=at("2026-03-01T00:00:00"))
    april = desk.a_record(postal_code="SW1A 1AA", submitted_at=at("2026-04-01T00:00:00"))
    may = desk.a_record(postal_code="20001", submitted_at=at("2026-05-01T00:00:00"))
    desk.assign(queue_id, "Night Shelter", march)

    def found(**wanted: Any) -> list[str]:
        return [item["id"] for item in desk(records.search_contact_records, **wanted)["items"]]

    assert found() == [may, april, march]
    assert found(number="cr 2") == [april]
    assert found(number="nonsense") == []
    for typed in ("SW1A 1AA", "Sw1a 1aa", "sw1a1aa"):
        assert found(postal_code=typed) == [april, march]
    assert found(postal_code="---") == []
    assert found(submitted_from=at("2026-04-01T00:00:00")) == [may, april]
    assert found(submitted_before=at("2026-04-01T00:00:00")) == [march]
    first = desk(records.search_contact_records, limit=2)
    rest = desk(records.search_contact_records, limit=2, after=first["next"])
    assert ([item["id"] for item in rest["items"]], rest["next"]) == ([march], None)
    (line,) = desk(records.search_contact_records, number="1")["items"]
    assert (line["contact_name"], line["open_referrals"]) == ("Ana Vega", 1)


def test_staff_finds_a_returning_help_seeker_in_any_spelling(desk_on_both: Desk) -> None:
    desk = desk_on_both
    ase = desk.a_record(first_name="Åse Marie", last_name="Østby", phone="+1 (202) 555-0100 ext. 3")
    ivan = desk.a_record(first_name="Иван", last_name="Петров", postal_code="94110-1234")
    brien = desk.a_record(first_name=None, last_name="O\u2019Brien Vega", phone="202-555-0199")

    def found(**wanted: Any) -> list[str]:
        return [item["id"] for item in desk(records.search_contact_records, **wanted)["items"]]

    for typed in ("Østby", "ostby", "ØSTBY åse", "Ase Østby", "marie ost", "Ase Marie Ostby"):
        assert (typed, found(name=typed)) == (typed, [ase])
    assert found(name="петров") == [ivan]
    assert found(name="O'Brien") == found(name="obrien vega") == [brien]
    assert found(name="Østby Vega") == []
    assert found(name="...") == []
    assert found(phone="2025550100") == found(phone="1-202-555-0100") == [ase]
    assert found(phone="12") == []
    assert found(postal_code="94110") == [ivan]
    assert found(name="petrov", postal_code="94110") == []
    assert found(name="o'b", phone="202 555 0199") == [brien]
    assert [
        item["id"] for item in desk(records.search_contact_records, OTHER_STAFF, name="Ostby")["items"]
    ] == []

    edited = desk(records.get_contact_record, contact_record_id=ase)
    desk(
        records.edit_contact_record,
        contact_record_id=ase,
        version=edited["version"],
        last_name="Łukasz",
        phone="202 555 0177",
    )
    assert (found(name="ostby"), found(phone="202 555 0100")) == ([], [])
    assert found(name="lukasz") == found(phone="2025550177") == [ase]


def test_records_are_found_by_each_word_of_their_names(desk_on_both: Desk) -> None:
    desk = desk_on_both
    made = {names: desk.a_record(first_name=names[0], last_name=names[1]) for names in FOUND_BY}

    def found(name: str) -> list[str]:
        return [item["id"] for item in desk(records.search_contact_records, name=name)["items"]]

    for names, typed in FOUND_BY.items():
        for text in typed:
            assert (text, found(text)) == (text, [made[names]])
    for text in FOUND_BY_NOTHING:
        assert (text, found(text)) == (text, [])


def test_a_name_is_looked_for_in_its_indexes_and_a_search_keeps_no_answer(desk: Desk) -> None:
    desk.many_records(50)
    seen: list[tuple[str, Any]] = []
    listener = lambda _c, _cur, statement, values, *_: seen.append((statement, values))  # noqa: E731
    event.listen(desk.service.database.engine, "before_cursor_execute", listener)
    desk(records.search_contact_records, name="ana vega")
    event.remove(desk.service.database.engine, "before_cursor_execute", listener)
    statement, values = next(each for each in seen if "contact_records" in each[0])
    with desk.service.database.engine.connect() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert [step for step in plan if "ix_contact_record_names_" in step and "words>?" in step], plan
    # The other words of a name are looked up among those of one record.
    assert [step for step in plan if "contact_record_names_1 " in step and "(owner_id=?" in step], plan
    # The answer names help-seekers: it is not kept beside the request.
    assert not records.search_contact_records.keeps_answer


def test_records_are_nothing_for_providers_and_other_organisations(desk: Desk) -> None:
    record_id = desk.a_record()
    may = ("record.read", "record.create", "referral.assign")
    provider = desk.provider("Night Shelter", details=True, may=may)
    intake = {"queue_id": desk.a_queue("Night Shelter"), "program_id": desk.resource["Night Shelter"]}
    for call in (
        lambda: desk(records.search_contact_records, provider),
        lambda: desk(records.edit_contact_record, provider, contact_record_id=record_id, version=1),
        lambda: desk(records.list_contact_record_changes, provider, contact_record_id=record_id),
        lambda: desk(intakes.create_intake, provider, **intake),
        lambda: desk(records.create_contact_record, provider),
    ):
        assert refusal(call) == "forbidden"
    theirs = {"contact_record_id": record_id, "version": 1}
    assert refusal(lambda: desk(records.edit_contact_record, OTHER_STAFF, **theirs)) == "not_found"
    assert desk(records.search_contact_records, OTHER_STAFF)["items"] == []


@pytest.mark.seed("S0-34")
def test_a_record_cannot_have_been_submitted_in_the_future_nor_before_anybody_lived(desk: Desk) -> None:
    record_id = desk.a_record()
    tomorrow = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).isoformat()
    for moment in (tomorrow, "1800-01-01T00:00:00Z"):
        for call in (
            lambda moment=moment: desk.a_record(submitted_at=moment),
            lambda moment=moment: desk(
                records.edit_contact_record,
                contact_record_id=record_id,
                version=1,
                submitted_at=moment,
            ),
        ):
            with pytest.raises(Refused) as refused:
                call()
            assert (refused.value.code, refused.value.field) == ("invalid_contact_record", "submitted_at")
