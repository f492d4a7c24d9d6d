"""Reading HSDS 3.x: nested and flat JSON, pages of an API, packages of tables, and reports of everything else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.fields import LARGEST
from services.referrals.directory.hsds_tables import OURS
from services.referrals.directory.rules import (
    Level,
    Phone,
    ResourceStatus,
    TemporaryMessage,
    record_as_json,
)
from services.referrals.directory_imports import hsds_json
from services.referrals.directory_imports.report import FileRefused
from tests.support.hsds_schema import violations
from tests.unit.referrals.hsds_files import (
    KITCHEN,
    PANTRY,
    TABLES,
    a_package,
    a_service,
    as_json,
    codes,
    reason,
    warned,
)
from tests.unit.referrals.whole_files import parse

SAMPLE = Path(__file__).resolve().parents[3] / "deploy" / "sample" / "services.hsds.json"
CUSTOMS_HOUSE, AT_THE_HOUSE = "5f1c0a52-6f0e-4a51-9a53-0d8f7a4d1c14", "5f1c0a52-6f0e-4a51-9a53-0d8f7a4d1c13"


def test_the_sample_is_hsds_and_holds_an_agency_two_programs_a_site_and_a_program_there() -> None:
    for service in json.loads(SAMPLE.read_text()):
        assert violations("service", service) == []
    parsed = parse(SAMPLE.read_bytes())

    assert (parsed.refused, parsed.warnings) == ((), ())
    levels = [(record.level, record.name, record.number) for record in parsed.records]
    assert levels == [
        (Level.AGENCY, "Saltmarsh Community Kitchen", KITCHEN),
        (Level.SITE, "Old Customs House", CUSTOMS_HOUSE),
        (Level.PROGRAM, "Saltmarsh Food Pantry", PANTRY),
        (Level.PROGRAM, "Saltmarsh Meals on Wheels", "5f1c0a52-6f0e-4a51-9a53-0d8f7a4d1c20"),
        (Level.PROGRAM_AT_SITE, "Saltmarsh Food Pantry (Old Customs House)", AT_THE_HOUSE),
    ]


def test_each_member_that_has_a_field_of_ours_goes_there() -> None:
    found = parse(SAMPLE.read_bytes()).by_name
    agency, pantry = found["Saltmarsh Community Kitchen"], found["Saltmarsh Food Pantry"]
    house, there = found["Old Customs House"], found["Saltmarsh Food Pantry (Old Customs House)"]

    assert agency.phones == (Phone("555-0160 ext. 12"),)
    assert agency.extra == {"legal_status": "Nonprofit"}
    assert (pantry.parent_number, pantry.parent_name) == (KITCHEN, "Saltmarsh Community Kitchen")
    assert (pantry.website, pantry.fees) == ("https://saltmarsh.example/pantry", "Free.")
    assert pantry.hours == "Tuesdays and Thursdays, 10 to 2"
    assert pantry.temporary_message == TemporaryMessage("Closed on the first Monday of the month.")
    assert (pantry.languages, pantry.coverage_area) == (("English", "Spanish"), "Harbor County")
    assert (pantry.documents_required, pantry.taxonomy_codes) == ("Proof of address", ("FOOD-1",))
    assert (pantry.extra["minimum_age"], sorted(pantry.extra)) == (
        "18",
        ["cost_options", "languages", "minimum_age", "schedules"],
    )
    assert (house.physical_address.line1, house.physical_address.region) == ("1 Quay Street", "CA")
    assert (house.latitude, house.accessibility) == (37.91, "Ramp at the side entrance")
    assert (there.program_number, there.site_number, there.parent_number) == (PANTRY, CUSTOMS_HOUSE, KITCHEN)


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("active", ResourceStatus.ACTIVE),
        ("inactive", ResourceStatus.INACTIVE),
        ("defunct", ResourceStatus.INACTIVE),
        ("Temporarily closed", ResourceStatus.DO_NOT_REFER),
    ],
)
def test_a_status_says_whether_one_may_refer_there(written: str, status: ResourceStatus) -> None:
    assert parse(as_json([a_service(status=written)])).by_name["Pantry"].status is status


def test_a_page_of_an_api_is_read_like_its_list() -> None:
    page = {"total_items": 1, "page_number": 1, "contents": [a_service()], "empty": False}

    assert parse(as_json(page)).records == parse(as_json([a_service()])).records


def test_tables_in_one_object_are_read_like_a_package() -> None:
    flat = {name.removesuffix(".csv"): rows for name, rows in TABLES.items()}

    assert parse(as_json(flat)).records == parse(a_package()).records


def test_a_package_gives_what_its_tables_say_together() -> None:
    parsed = parse(a_package())
    found = parsed.by_name

    assert parsed.refused == ()
    assert [(each.file, each.column, each.code) for each in parsed.warnings] == [
        ("taxonomy_terms.csv", "description", "column_not_imported")
    ]
    assert [record.number for record in parsed.records] == [
        "organization-1",
        "location-1",
        "service-1",
        "service-2",
        "service_at_location-7",
    ]
    assert found["Pantry"].phones == (Phone("555-0161"),)
    assert found["Kitchen"].phones == (Phone("555-0160"),)
    assert (found["Pantry"].languages, found["Pantry"].taxonomy_terms) == (("Spanish",), ("Food pantries",))
    assert found["Meals"].status is ResourceStatus.INACTIVE
    assert found["Customs House"].physical_address.city == "Saltmarsh"
    assert found["Customs House"].parent_number == "organization-1"  # by the service that is there
    assert found["Pantry (Customs House)"].description == "Side door."


@pytest.mark.parametrize(
    ("table", "row", "member"),
    [
        ("schedules.csv", {"opens_at": "09:00"}, "schedules"),
        ("service_areas.csv", {"name": "Saltmarsh"}, "service_areas"),
        ("required_documents.csv", {"document": "Passport"}, "required_documents"),
        ("contacts.csv", {"name": "Bea Reef"}, "contacts"),
        ("cost_options.csv", {"option": "Free"}, "cost_options"),
        ("funding.csv", {"source": "County"}, "funding"),
        ("urls.csv", {"url": "https://pantry.example.org/menu"}, "additional_urls"),
    ],
)
def test_a_row_of_each_table_stands_where_the_nested_form_has_it(
    table: str, row: dict[str, str], member: str
) -> None:
    parsed = parse(a_package({**TABLES, table: [{"id": "4", "service_id": "1", **row}]}))

    assert parsed.refused == ()
    (kept,) = json.loads(parsed.by_name["Pantry"].extra[member])
    assert kept == {"id": "4", "service_id": "1", **row}


def test_a_description_names_tables_whose_files_are_called_otherwise() -> None:
    tables = {"data/orgs.csv": TABLES["organizations.csv"]}
    description = as_json({"resources": [{"name": "organization", "path": "data/orgs.csv"}]})

    parsed = parse(a_package(tables, **{"datapackage.json": description}))

    assert [record.name for record in parsed.records] == ["Kitchen"]


def test_a_refused_row_says_its_file_line_and_column() -> None:
    tables = {**TABLES, "services.csv": [*TABLES["services.csv"], {"id": "3", "name": "No status"}]}

    parsed = parse(a_package(tables))

    assert [(problem.file, problem.line, problem.column, problem.code) for problem in parsed.refused] == [
        ("services.csv", 4, "organization_id", "parent_missing"),
        ("services.csv", 4, "status", "unknown_status"),
    ]
    assert len(parsed.records) == 5


def test_what_cannot_stand_is_refused_and_the_others_stand() -> None:
    services = [
        a_service(),
        a_service(),
        {**a_service(), "id": None},
        a_service(id="x", status="open"),
        a_service(id="y", organization={"id": "gone"}),
        "text",
    ]
    parsed = parse(as_json(services))

    assert [record.name for record in parsed.records] == ["Kitchen", "Pantry"]
    assert sorted(code for _, _, code in codes(parsed)) == [
        "duplicate_number",
        "id_missing",
        "name_missing",
        "not_an_object",
        "orphan",
        "unknown_status",
    ]


def test_a_service_may_hang_on_an_agency_of_the_directory() -> None:
    data = as_json(
        {"services": [{"id": PANTRY, "organization_id": KITCHEN, "name": "Pantry", "status": "active"}]}
    )

    assert codes(parse(data)) == [(1, "organization_id", "orphan")]
    assert [record.name for record in parse(data, known_agency_numbers={KITCHEN}).records] == ["Pantry"]


def test_an_entity_that_comes_nested_again_completes_the_first() -> None:
    short = {"id": KITCHEN, "name": "Kitchen", "description": "Food."}
    services = [
        a_service(),
        a_service(id="2", name="Meals", organization=short | {"website": "https://a.example"}),
    ]

    assert parse(as_json(services)).by_name["Kitchen"].website == "https://a.example"


def test_what_is_odd_is_read_charitably_and_said() -> None:
    location = {"id": "1", "location_type": "physical", "latitude": 999, "longitude": 1}
    parsed = parse(
        as_json(
            [
                a_service(
                    phones=[{"number": "none"}],
                    description="bell\u0007",
                    widgets=[{"id": 1}],
                    service_at_locations=[{"id": "1", "location": location}],
                )
            ]
        )
    )

    assert sorted(warned(parsed)) == [
        "control_character",
        "member_left_out",
        "name_missing",
        "unreadable_phone",
        "unreadable_position",
    ]
    assert next(record.description for record in parsed.records if record.level is Level.PROGRAM) == "bell"


LARGE = 10**30


def attribute(value: Any) -> list[dict[str, Any]]:
    return [{"id": "x", "label": "l", "value": value}]


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("attributes", attribute({"a": {"b": ["\ud800"]}}), "broken_character"),
        ("attributes", attribute({"\ud800": 1}), "broken_character"),
        ("attributes", attribute(LARGE), "number_too_large"),
        ("attributes", attribute([-LARGE, 1]), "number_too_large"),
        ("contacts", [{"id": "c", "name": "\udfff"}], "broken_character"),
        ("languages", [{"id": "1", "name": "\ud800", "code": "\ud800"}], "broken_character"),
        ("phones", [{"id": "1", "number": "555-0100", "type": "\ud800"}], "broken_character"),
        ("organization", {"id": KITCHEN, "name": "Kit\ud800", "description": "d"}, "broken_character"),
        ("funding", [{"id": "f", "source": {"k": 10**25}}], "number_too_large"),
        ("capacities", [{"id": "1", "available": LARGE}], "number_too_large"),
        ("minimum_age", LARGE, "number_too_large"),
        ("minimum_age", LARGEST + 1, "number_too_large"),
        ("x_extra", -(2**53), "number_too_large"),
        ("widgets\ud800", "y", "broken_character"),
    ],
)
def test_what_cannot_be_stored_is_taken_out_at_any_depth_and_said(member: str, value: Any, code: str) -> None:
    parsed = parse(as_json([a_service(**{member: value})]))
    told = [(each.line, each.column) for each in parsed.warnings if each.code == code]
    assert told == [(1, member.replace("\ud800", "\ufffd"))]
    kept = [record_as_json(record) for record in parsed.records]
    assert len(kept) == 2
    json.dumps(kept, ensure_ascii=False).encode()
    assert not re.search(r"\\ud[89a-f]|[0-9]{16}", json.dumps(kept))


@pytest.mark.parametrize("digits", ["9" * 5_000, "1e999", "-1e999"], ids=["long", "most", "least"])
def test_a_number_of_any_length_costs_its_member_alone(digits: str) -> None:
    parsed = parse(as_json([a_service(x_extra="HERE")]).replace(b'"HERE"', digits.encode()))
    assert (warned(parsed), len(parsed.records)) == (["number_too_large"], 2)


def test_the_largest_number_and_whole_characters_are_kept() -> None:
    parsed = parse(as_json([a_service(x_extra=LARGEST, contacts=[{"id": "1", "name": "\U0001f600"}])]))
    assert warned(parsed) == []
    assert parsed.by_name["Pantry"].extra["x_extra"] == str(LARGEST)


def test_a_name_of_a_table_that_cannot_be_stored_is_said_as_it_can() -> None:
    parsed = parse(as_json({"services": [a_service()], "\ud800": [{"id": "1"}, 5]}))
    assert [each.column for each in (*parsed.warnings, *parsed.refused)] == ["\ufffd", "\ufffd"]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("organization", {"id": KITCHEN, "name": "Kit\0chen", "description": "d"}),
        ("phones", [{"id": "1", "number": "555-0100", "type": "\0"}]),
        ("attributes", attribute({"\0": 1})),
    ],
)
def test_a_nul_character_at_any_depth_refuses_its_entry(member: str, value: Any) -> None:
    assert codes(parse(as_json([a_service(**{member: value})]))) == [(1, member, "nul_character")]


def test_a_nul_character_in_a_package_refuses_its_row() -> None:
    tables = {**TABLES, "phones.csv": [{"id": "1", "service_id": "1", "number": "555-0161", "type": "\0"}]}
    assert codes(parse(a_package(tables))) == [(2, "type", "nul_character")]


@pytest.mark.parametrize(
    "text",
    ['{"text": "\\ud800"}', '{"text": 1%s}' % ("0" * 30), "[" * 100_000],
    ids=["half", "large", "deep"],
)
def test_an_attribute_of_an_export_of_ours_brings_in_nothing_that_cannot_be_stored(text: str) -> None:
    ours = [{"id": "1", "link_type": OURS, "label": "temporary_message", "value": text}]
    parsed = parse(as_json([a_service(attributes=ours)]))
    assert "unreadable_attribute" in warned(parsed)
    assert parsed.by_name["Pantry"].temporary_message is None


def test_tables_that_have_no_place_here_are_named() -> None:
    parsed = parse(as_json({"services": [a_service()], "unit": [{"id": "1"}], "widgets": [{"id": "1"}]}))

    assert [(problem.column, problem.code) for problem in parsed.warnings] == [
        ("unit", "table_not_imported"),
        ("widgets", "table_not_imported"),
    ]


@pytest.mark.parametrize(
    "spelling",
    [
        str.upper,
        lambda name: f"export/2026/{name}",
        lambda name: f"Export\\{name.title()}",
        lambda name: name.replace(".csv", ".Csv"),
        lambda name: name.replace("_", " "),
    ],
)
def test_a_table_is_known_in_any_spelling_of_its_file(spelling: Callable[[str], str]) -> None:
    assert parse(a_package({spelling(name): rows for name, rows in TABLES.items()})).records == (
        parse(a_package()).records
    )


def test_every_table_and_column_of_a_package_that_is_not_imported_is_named() -> None:
    addresses = [TABLES["addresses.csv"][0] | {"country": "US", "what3words": "a.b.c", "is_private": "no"}]
    phones = [row | {"department": "Desk"} for row in TABLES["phones.csv"]]
    tables = TABLES | {
        "addresses.csv": addresses,
        "phones.csv": phones,
        "physical_addresses.csv": addresses,
        "regular_schedules.csv": [{"id": "1", "service_id": "1", "weekday": "1"}],
        "schedules.csv": [{"id": "1", "description": "belongs to nothing"}],
        "units.csv": [{"id": "1", "name": "bed"}],
    }
    more = {
        "README.txt": b"Hello.",
        "__MACOSX/._a.csv": b"",
        ".DS_Store": b"",
        "programs.csv": b"id\n1,2,3\n",
    }
    parsed = parse(a_package(tables, **more))
    assert parsed.refused == ()
    assert sorted((each.file, each.column, each.code) for each in parsed.warnings) == sorted(
        [
            ("README.txt", "README.txt", "table_not_imported"),
            ("physical_addresses.csv", "physical_addresses.csv", "table_not_imported"),
            ("regular_schedules.csv", "regular_schedules.csv", "table_not_imported"),
            ("schedules.csv", "schedule", "table_not_imported"),
            ("units.csv", "unit", "table_not_imported"),
            ("programs.csv", "program", "table_not_imported"),
            ("programs.csv", "cells beyond the header", "column_not_imported"),
            ("addresses.csv", "what3words", "column_not_imported"),
            ("phones.csv", "department", "column_not_imported"),
            ("taxonomy_terms.csv", "description", "column_not_imported"),
        ]
    )


@pytest.mark.parametrize(
    ("member", "entry", "field", "text"),
    [
        (
            "schedules",
            {"freq": "WEEKLY", "byday": "MO,WE", "opens_at": "09:00", "closes_at": "17:00"},
            "hours",
            "Mon, Wed 09:00-17:00",
        ),
        (
            "schedules",
            {"freq": "MONTHLY", "byday": "1TU,-1FR", "opens_at": "10:00", "valid_from": "2026-01-01", "valid_to": "2026-06-30"},
            "hours",
            "first Tue, last Fri 10:00, every month; from 2026-01-01 to 2026-06-30",
        ),
        (
            "schedules",
            {"freq": "DAILY", "interval": "1", "byday": "9MO;XX; su", "closes": "12:00"},
            "hours",
            "9MO, XX, Sun 12:00, every day",
        ),
        ("schedules", {"freq": "HOURLY", "interval": 2, "byday": "FR"}, "hours", "Fri"),
        ("schedules", {"freq": "DAILY", "interval": 3}, "hours", ""),
        ("schedules", {"freq": "DAILY", "until": "2026-02-01"}, "hours", "every day; to 2026-02-01"),
        ("schedules", {"freq": "WEEKLY", "interval": 2, "byday": "SA"}, "hours", "Sat, every 2 weeks"),
        ("schedules", {"freq": "MONTHLY", "bymonthday": "15"}, "hours", "on day 15 of the month, every month"),
        ("schedules", {"description": "Weekdays", "byday": "MO", "notes": "Ring twice"}, "hours", "Weekdays; Ring twice"),
        ("languages", {"code": "es"}, "languages", ("es",)),
        ("languages", {"name": True, "language": "  ", "code": "es"}, "languages", ("es",)),
        ("languages", {"note": "by phone"}, "languages", ("by phone",)),
        ("cost_options", {"option": "Adults", "amount": 5.5}, "fees", "Adults: 5.5"),
        ("cost_options", {"option": "Free"}, "fees", "Free"),
        ("service_areas", {"extent": "x" * 200}, "coverage_area", "x" * 200),
        ("service_areas", {"extent": "x" * 201}, "coverage_area", ""),
        ("languages", {"name": "Spanish", "code": "es", "note": "by phone"}, "languages", ("Spanish (by phone)",)),
        ("cost_options", {"option": "Adults", "amount": 5, "currency": "USD"}, "fees", "Adults: 5 USD"),
        ("cost_options", {"amount_description": "sliding scale", "valid_to": "2026-12-31"}, "fees", "sliding scale; to 2026-12-31"),
        ("service_areas", {"description": "North of the river", "extent_type": "text"}, "coverage_area", "North of the river"),
        ("service_areas", {"extent": "Saltmarsh"}, "coverage_area", "Saltmarsh"),
        ("accessibility", {"description": "Ramp", "details": "at the side"}, "accessibility", "Ramp; at the side"),
        ("required_documents", {"document": "Passport", "uri": "https://a.example"}, "documents_required", "Passport"),
    ],
)  # fmt: skip
def test_a_structured_part_is_shown_as_text_and_kept(
    member: str, entry: dict[str, Any], field: str, text: Any
) -> None:
    pantry = parse(as_json([a_service(**{member: [{"id": "1", **entry}]})])).by_name["Pantry"]
    assert getattr(pantry, field) == text
    assert json.loads(pantry.extra[member]) == [{"id": "1", **entry}]


def test_values_that_no_column_could_hold_are_refused() -> None:
    parsed = parse(as_json([a_service(name="a" * 256), a_service(id="2", description="nul\0")]))

    assert sorted(code for _, _, code in codes(parsed)) == ["nul_character", "value_too_long"]


def test_a_place_in_a_long_text_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hsds_json, "_PIECE", 7)
    services = [a_service(id=str(number), name=f"Service {number}") for number in range(50)]
    text = json.dumps(services, indent=1)
    wrong = text.replace('"status": "active"', '"status": "?"', 1)

    assert len(parse(text.encode()).records) == 51
    assert codes(parse(wrong.encode())) == [(2, "status", "unknown_status")]
    with pytest.raises(FileRefused) as refusal:
        parse(text.replace('"name": "Service 49"', '"name" "Service 49"').encode())
    assert refusal.value.line == text[: text.index("Service 49")].count("\n") + 1


def test_an_element_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hsds_json, "MAX_ELEMENT", 1_000)
    monkeypatch.setattr(hsds_json, "_PIECE", 100)

    assert reason(as_json([a_service(description="a" * 2_000)])) == "element_too_large"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)
members = st.sampled_from(
    ["id", "name", "status", "phones", "organization", "service_at_locations", "attributes", "languages", "alert",
     "latitude", "addresses", "location", "locations"]
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(st.dictionaries(members, values, max_size=8) | values, max_size=5))
def test_whatever_a_json_file_holds_it_is_read_or_refused_in_order(content: list[Any]) -> None:
    try:
        parsed = parse(json.dumps(content).encode())
    except FileRefused:
        return
    assert all(record.name for record in parsed.records)
