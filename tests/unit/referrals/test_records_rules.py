"""Rules of contact records: the limited view, the number, the sections."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.errors import Refused
from services.contracts.spelling import phone_key, postal_code_key, search_key
from services.referrals.records.rules import (
    LIMITED_FIELDS,
    Section,
    check_contact_record_number,
    check_note,
    check_part_of_name,
    check_postal_code,
    check_sections,
    contact_name,
    contact_record_number,
    find_contact_record_number,
    keys_of,
    limited_view,
    visible_limited,
    visible_record,
    withheld_fields,
)

FULL: dict[str, Any] = {
    "referralq_name": "Shelter",
    "assigned_resource": "Night Shelter",
    "contact_record_number": "CR-00000042",
    "status": "Enrolled",
    "note": "Call after six.",
    "contact_name": "Ada Byron",
    "contact_date": date(2026, 3, 4),
    "postal_code": "00101",
    "referred_at": "2026-03-05T10:00:00Z",
    "phone": "555-0101",
    "sections": [{"title": "Intake"}],
}


def sameness(*values: str | None) -> str | None:
    return keys_of(*values)["sameness"]


def refusal_of(action: Callable[[], object]) -> tuple[str, str | None]:
    """Code and field of the refusal that this raises."""
    with pytest.raises(Refused) as refusal:
        action()
    return refusal.value.code, refusal.value.field


@pytest.mark.seed("S0-25")
@pytest.mark.seed("S0-28")
@pytest.mark.seed("S0-29")
@pytest.mark.seed("S0-30")
@pytest.mark.seed("S0-31")
@pytest.mark.seed("S0-33")
@pytest.mark.seed("S0-34")
@pytest.mark.seed("S0-35")
def test_the_limited_view_is_exactly_the_eight_fields_of_the_article() -> None:
    assert limited_view(FULL) == {
        "referralq_name": "Shelter",
        "assigned_resource": "Night Shelter",
        "contact_record_number": "CR-00000042",
        "status": "Enrolled",
        "note": "Call after six.",
        "contact_name": "Ada Byron",
        "contact_date": date(2026, 3, 4),
        "postal_code": "00101",
    }


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20)))
def test_no_other_field_ever_passes_into_the_limited_view(others: dict[str, str]) -> None:
    assert tuple(limited_view(others | FULL)) == LIMITED_FIELDS


@pytest.mark.seed("S0-33")
@pytest.mark.seed("S0-35")
@pytest.mark.parametrize("name", ["contact_name", "postal_code", "note"])
def test_what_a_record_does_not_have_is_none(name: str) -> None:
    without = {key: value for key, value in FULL.items() if key != name}

    assert limited_view(without)[name] is None
    assert len(limited_view(without)) == 8


@pytest.mark.parametrize("name", ["referralq_name", "assigned_resource", "contact_record_number", "status"])
def test_a_view_without_its_core_is_an_error_and_not_an_empty_field(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        limited_view(FULL | {name: None})


@pytest.mark.parametrize("name", LIMITED_FIELDS)
def test_a_nested_value_can_not_carry_details_out(name: str) -> None:
    with pytest.raises(ValueError, match="text or a date"):
        limited_view(FULL | {name: {"phone": "555-0101"}})


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("Ada", "Byron", "Ada Byron"),
        (" Ada ", None, "Ada"),
        (None, "Byron", "Byron"),
        ("", "  ", None),
        (None, None, None),
    ],
)
def test_a_contact_name_is_what_is_known_of_it(first: str | None, last: str | None, name: str | None) -> None:
    assert contact_name(first, last) == name


@given(st.integers(1, 10**12 - 1))
def test_a_number_is_found_however_it_is_typed(counter: int) -> None:
    number = contact_record_number(counter)

    for typed in (
        number,
        number.lower(),
        f" {number} ",
        number.replace("-", " "),
        str(counter),
        f"CR{counter}",
    ):
        assert find_contact_record_number(typed) == number
        assert check_contact_record_number(typed) == number


def test_numbers_have_eight_digits_and_sort_as_they_were_given() -> None:
    assert contact_record_number(1) == "CR-00000001"
    assert contact_record_number(99_999_999) == "CR-99999999"
    assert contact_record_number(100_000_000) == "CR-100000000"


@pytest.mark.parametrize("counter", [0, -1, 10**12])
def test_a_counter_out_of_range_is_an_error(counter: int) -> None:
    with pytest.raises(ValueError, match="counter"):
        contact_record_number(counter)


@pytest.mark.parametrize(
    "text", ["", "CR-", "CR-0", "XX-1", "1 OR 1=1", "٤٢", "CR-1234567890123", "CR-1\nCR-2"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    assert find_contact_record_number(text) is None
    assert refusal_of(lambda: check_contact_record_number(text)) == (
        "invalid_contact_record",
        "contact_record_number",
    )


def test_notes_names_and_postal_codes_have_limits() -> None:
    assert check_note(" " + "x" * 2_000) == "x" * 2_000
    assert refusal_of(lambda: check_note("x" * 2_001)) == ("invalid_contact_record", "note")
    assert refusal_of(lambda: check_note("  ")) == ("invalid_contact_record", "note")
    assert check_part_of_name("  Ada   Mary ", "first_name") == "Ada Mary"
    assert check_part_of_name(" ", "first_name") is None
    assert refusal_of(lambda: check_part_of_name("x" * 101, "last_name")) == (
        "invalid_contact_record",
        "last_name",
    )
    assert check_postal_code(" K1A  0B1 ") == "K1A 0B1"
    assert check_postal_code(None) is None
    assert refusal_of(lambda: check_postal_code("x" * 21)) == ("invalid_contact_record", "postal_code")


def a_section(*values: object, title: str = "Intake") -> dict[str, Any]:
    """A section with fields "Question 0", "Question 1" and so on."""
    return {
        "title": title,
        "fields": [{"label": f"Question {i}", "value": value} for i, value in enumerate(values)],
    }


def test_sections_keep_their_order_and_values() -> None:
    sections = check_sections([a_section("yes", 3, 1.5, True, None, title=" Intake  form ")])

    assert sections == (
        Section(
            "Intake form",
            (
                ("Question 0", "yes"),
                ("Question 1", 3),
                ("Question 2", 1.5),
                ("Question 3", True),
                ("Question 4", None),
            ),
        ),
    )
    assert check_sections([]) == ()


@pytest.mark.parametrize(
    ("sections", "field"),
    [
        ([a_section(title=str(i)) for i in range(51)], "sections"),
        ([a_section("x" * 10_000, title=str(i)) for i in range(21)], "sections"),
        (["text"], "sections.0"),
        ([{"title": "A"}], "sections.0"),
        ([a_section() | {"more": 1}], "sections.0"),
        ([a_section(title=" ")], "sections.0.title"),
        ([a_section(title="x" * 121)], "sections.0.title"),
        ([{"title": 7, "fields": []}], "sections.0.title"),
        ([a_section(), a_section()], "sections.1.title"),
        ([{"title": "A", "fields": "text"}], "sections.0.fields"),
        ([a_section(*range(201))], "sections.0.fields"),
        ([{"title": "A", "fields": [{"label": "B"}]}], "sections.0.fields.0"),
        ([{"title": "A", "fields": ["B"]}], "sections.0.fields.0"),
        (
            [{"title": "A", "fields": [{"label": "B", "value": 1}, {"label": " B", "value": 2}]}],
            "sections.0.fields.1.label",
        ),
        ([a_section("x" * 10_001)], "sections.0.fields.0.value"),
        ([a_section(["a"])], "sections.0.fields.0.value"),
        ([a_section({"a": 1})], "sections.0.fields.0.value"),
        ([a_section(float("nan"))], "sections.0.fields.0.value"),
        ([a_section(float("inf"))], "sections.0.fields.0.value"),
        ([a_section(10**5000)], "sections.0.fields.0.value"),
    ],
)
def test_a_section_that_breaks_a_rule_is_refused_and_its_path_is_named(
    sections: list[Any], field: str
) -> None:
    assert refusal_of(lambda: check_sections(sections)) == ("invalid_contact_record", field)


WHOLE = {
    "number": "CR-00000001",
    "first_name": "Ana",
    "last_name": "Vega",
    "postal_code": "20001",
    "phone": "555 0100",
    "email": "ana@example.org",
    "sections": {"Needs": {"Housing": "tonight"}, "Health": {"Asthma": True}},
    "person_id": "d" * 32,
}
STAGES = {"offered": ["section:Needs"], "accepted": ["contact_name", "phone"], "enrolled": ["sections"]}


def test_a_queue_that_keeps_nothing_back_shows_all_but_the_person_in_identity() -> None:
    assert visible_record(WHOLE, "offered", None) == {**WHOLE, "person_id": None, "withheld": []}


def test_a_stage_shows_what_is_named_for_it_and_tells_what_it_keeps_back() -> None:
    offered = visible_record(WHOLE, "offered", STAGES)
    assert offered["sections"] == {"Needs": {"Housing": "tonight"}}
    assert offered["withheld"] == ["contact_name", "postal_code", "phone", "email", "sections"]
    assert [offered[name] for name in ("first_name", "last_name", "postal_code", "phone", "email")] == [
        None
    ] * 5
    accepted = visible_record(WHOLE, "accepted", STAGES)
    assert (accepted["last_name"], accepted["phone"], accepted["sections"]) == ("Vega", "555 0100", {})
    assert accepted["withheld"] == ["postal_code", "email", "sections"]
    assert visible_record(WHOLE, "enrolled", STAGES)["sections"] == WHOLE["sections"]


def test_the_title_of_a_withheld_section_is_not_told() -> None:
    assert "Health" not in str(visible_record(WHOLE, "offered", STAGES))


def test_a_stage_that_nobody_named_shows_nothing() -> None:
    seen = visible_record(WHOLE, "elsewhere", STAGES)
    assert (seen["first_name"], seen["phone"], seen["sections"]) == (None, None, {})


def test_the_limited_view_stays_eight_fields_at_every_stage() -> None:
    limited = dict.fromkeys(LIMITED_FIELDS, "x")
    seen = visible_limited(limited, "offered", STAGES)
    assert list(seen) == list(LIMITED_FIELDS)
    assert [name for name, value in seen.items() if value is None] == ["contact_name", "postal_code"]
    assert withheld_fields("offered", STAGES, details=False) == ["contact_name", "postal_code"]
    assert withheld_fields("offered", None, details=True) == []


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (("ANA", "vega", "2 0001", "(555) 0100"), True),
        (("Ana Vega", None, "20001", "5550100"), True),
        (("Ana", "Vega", "20002", "5550100"), False),
        (("Ana", "Vega", "20001", None), False),
    ],
)
def test_sameness_looks_past_spelling(other: tuple[str | None, ...], is_same: bool) -> None:
    ana = sameness("Ana", "Vega", "20001", "555-0100")
    assert (sameness(*other) == ana) is is_same


def test_too_little_is_like_nothing() -> None:
    assert sameness("Ana", "Vega", None, None) is None
    assert sameness(None, None, "20001", "555 0100") is None


@given(
    st.one_of(st.none(), st.text(max_size=12)),
    st.one_of(st.none(), st.text(max_size=12)),
    st.sampled_from([None, "", "20001", "sw1a 1aa"]),
    st.sampled_from([None, "(202) 555-0100"]),
)
def test_records_that_are_stored_keep_the_hash_of_their_whole_name(
    first: str | None, last: str | None, code: str | None, phone: str | None
) -> None:
    name = search_key(contact_name(first, last) or "")
    parts = (postal_code_key(code), phone_key(phone))
    expected = hashlib.sha256("|".join((name, *parts)).encode()).hexdigest() if name and any(parts) else None
    assert sameness(first, last, code, phone) == expected
