"""Reading an iCarol resource export: forms of files, and reports of refused rows."""

from __future__ import annotations

import contextlib
import csv
import io
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.errors import Refused
from services.referrals.directory.rules import (
    Level,
    Phone,
    ResourceStatus,
    TemporaryMessage,
)
from services.referrals.directory_imports.icarol_row import EXPORT_COLUMNS, REQUIRED_COLUMNS, read_time
from services.referrals.directory_imports.report import FileRefused
from tests.unit.referrals.whole_files import Parsed, parse

AGENCY = {
    "ResourceAgencyNum": "10",
    "PublicName": "Harbor Shelter Alliance",
    "TaxonomyLevelName": "Agency",
    "ParentAgencyNum": "0",
    "AgencyStatus": "Active",
}
PROGRAM = {
    "ResourceAgencyNum": "11",
    "PublicName": "Night Shelter",
    "TaxonomyLevelName": "Program",
    "ParentAgencyNum": "10",
    "AgencyStatus": "Active",
    "ParentAgency": "Harbor Shelter Alliance",
}


def an_export(*rows: dict[str, str], columns: tuple[str, ...] = EXPORT_COLUMNS, end: str = "\r\n") -> str:
    """The text of an export with these rows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def parsed(*rows: dict[str, str]) -> Parsed:
    """An agency and these rows, parsed."""
    return parse(an_export(AGENCY, *rows).encode())


def codes(parsed_file: Parsed) -> list[tuple[int, str | None, str]]:
    """Line, column and code of each refused row."""
    return [(problem.line, problem.column, problem.code) for problem in parsed_file.refused]


def warned(parsed_file: Parsed) -> list[tuple[int, str | None, str]]:
    """Line, column and code of each warning."""
    return [(problem.line, problem.column, problem.code) for problem in parsed_file.warnings]


def test_every_column_with_a_meaning_of_its_own_lands_in_its_field() -> None:
    row = PROGRAM | {
        "AlternateName": "NS",
        "AgencyDescription": "Beds.",
        "EmailAddressMain": "intake@example.org",
        "Phone1Number": "555-0101",
        "Phone1Name": "Intake",
        "PhoneFax": "555-0102",
        "PhysicalAddress1": "12 Ropewalk Lane",
        "PhysicalCounty": "-1",
        "PhysicalPostalCode": "00101",
        "Latitude": "43.9",
        "Longitude": "-69.01",
        "LanguagesOffered": "English, Spanish",
        "TemporaryMessage": "Opens early.",
        "TemporaryMessageAppears": "11/1/26 0:00",
        "TemporaryMessageExpires": "3/31/27 0:00",
        "TaxonomyCodes": "BH-1800; BH-7000; ",
        "ExcludeFromWebsite": "Yes",
        "ConnectsToSiteNum": "900",
        "UpdatedOn": "8/17/11 10:11",
        "FEIN": "00-0000000",
    }

    record = parsed(row).records[1]

    assert (record.number, record.level, record.parent_number) == ("11", Level.PROGRAM, "10")
    assert (record.name, record.alternate_name, record.description) == ("Night Shelter", "NS", "Beds.")
    assert record.phones == (Phone("555-0101", "voice", "Intake"), Phone("555-0102", "fax"))
    assert record.email == "intake@example.org"
    assert (record.physical_address.line1, record.physical_address.postal_code) == (
        "12 Ropewalk Lane",
        "00101",
    )
    assert record.physical_address.county == ""
    assert (record.latitude, record.longitude) == (43.9, -69.01)
    assert record.languages == ("English", "Spanish")
    assert record.temporary_message == TemporaryMessage("Opens early.", date(2026, 11, 1), date(2027, 3, 31))
    assert record.taxonomy_codes == ("BH-1800", "BH-7000")
    assert record.is_hidden_from_website
    assert not record.is_hidden_from_directory
    assert record.site_number == "900"
    assert record.updated_at == datetime(2011, 8, 17, 10, 11)
    assert record.extra == {"FEIN": "00-0000000"}


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_any_line_end_is_read_and_lines_are_counted_as_an_editor_counts_them(end: str) -> None:
    bad = PROGRAM | {"ResourceAgencyNum": "12", "TaxonomyLevelName": "Branch"}
    program = PROGRAM | {"AgencyDescription": f"first{end}second{end}third"}

    result = parse(an_export(AGENCY, program, bad, end=end).encode())

    assert [record.number for record in result.records] == ["10", "11"]
    assert result.records[1].description == "first\nsecond\nthird"
    assert result.lines == {"10": 2, "11": 3}
    assert codes(result) == [(6, "TaxonomyLevelName", "unknown_level")]


def test_mixed_line_ends_and_blank_lines_are_read() -> None:
    header, agency, program, _ = an_export(AGENCY, PROGRAM).split("\r\n")

    result = parse(f"{header}\r{agency}\n\r\n\n{program}".encode())

    assert result.lines == {"10": 2, "11": 5}


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert len(parse(b"\xef\xbb\xbf" + an_export(AGENCY).encode()).records) == 1


def test_windows_1252_text_is_read_with_a_warning_at_the_first_odd_line() -> None:
    text = an_export(AGENCY, PROGRAM | {"PublicName": "Women\u2019s Café"})

    result = parse(text.encode("cp1252"))

    assert result.records[1].name == "Women\u2019s Café"
    assert warned(result) == [(3, None, "read_as_cp1252")]


@pytest.mark.parametrize(
    ("data", "reason", "line"),
    [
        (b"", "no_header", 1),
        (b"\n\r\n", "no_header", 1),
        ("ResourceAgencyNum,PublicName\n".encode("utf-16"), "undecodable", None),
        (b"PublicName\n\x81\x8d", "undecodable", 2),
        (b"Public\0Name\n", "not_csv", 1),
        (b"a;b;c\n1;2;3\n", "missing_column", 1),
        (b"%PDF-1.7\nno table at all", "missing_column", 1),
        (b"PublicName," * 501 + b"x", "too_many_columns", 1),
    ],
)
def test_a_file_that_is_no_export_is_refused_whole(data: bytes, reason: str, line: int | None) -> None:
    with pytest.raises(FileRefused) as refusal:
        parse(data)

    assert (refusal.value.reason, refusal.value.line) == (reason, line)
    assert refusal.value.code == "import_file_refused"
    assert isinstance(refusal.value, Refused)


def test_missing_required_columns_are_all_named() -> None:
    with pytest.raises(FileRefused) as refusal:
        parse(b"ResourceAgencyNum,PublicName,ParentAgencyNum\n1,A,0\n")

    assert "TaxonomyLevelName, AgencyStatus" in refusal.value.detail
    assert refusal.value.column == "TaxonomyLevelName"


def test_a_column_named_twice_refuses_the_file() -> None:
    text = an_export(AGENCY).replace("AlternateName", "public name", 1)

    with pytest.raises(FileRefused) as refusal:
        parse(text.encode())

    assert (refusal.value.reason, refusal.value.column) == ("duplicate_column", "PublicName")


@pytest.mark.parametrize("cell", ['"Night', '"Night" Shelter'])
def test_a_broken_quote_refuses_the_file_and_names_the_line_where_the_row_starts(cell: str) -> None:
    text = an_export(AGENCY, PROGRAM).replace("Night Shelter", cell)

    with pytest.raises(FileRefused) as refusal:
        parse(text.encode())

    assert (refusal.value.reason, refusal.value.line) == ("broken_quote", 3)


def test_a_cell_beyond_the_reader_s_limit_is_refused_and_not_read_on() -> None:
    with pytest.raises(FileRefused) as refusal:
        parsed(PROGRAM | {"AgencyDescription": "x" * 200_000})

    assert refusal.value.line == 3


def test_a_file_above_the_size_limit_is_not_even_decoded() -> None:
    with pytest.raises(FileRefused) as refusal:
        parse(b"\x81" * 11, max_bytes=10)

    assert refusal.value.reason == "too_large"
    with pytest.raises(FileRefused) as refusal:
        parse(b"\x81" * 10, max_bytes=10)
    assert refusal.value.reason != "too_large"


def test_a_file_with_too_many_rows_is_refused_where_the_limit_is_passed() -> None:
    with pytest.raises(FileRefused) as refusal:
        parse((",".join(REQUIRED_COLUMNS) + "\n" + "1\n" * 11).encode(), max_rows=10)

    assert (refusal.value.reason, refusal.value.line) == ("too_many_rows", 12)


def test_the_required_columns_are_enough() -> None:
    result = parse(an_export(AGENCY, columns=REQUIRED_COLUMNS).encode())

    assert (len(result.records), result.refused, result.warnings) == (1, (), ())


def test_header_names_may_differ_in_case_spaces_and_underscores() -> None:
    text = an_export(AGENCY, columns=REQUIRED_COLUMNS).replace("ResourceAgencyNum", " resource_agency NUM ")

    assert parse(text.encode()).records[0].number == "10"


def test_a_foreign_column_is_kept_and_warned_of_once() -> None:
    rows = [AGENCY | {"Shoe Size": "44"}, PROGRAM | {"Shoe Size": "45"}]

    result = parse(an_export(*rows, columns=(*EXPORT_COLUMNS, "Shoe Size")).encode())

    assert [record.extra["Shoe Size"] for record in result.records] == ["44", "45"]
    assert warned(result) == [(1, "Shoe Size", "unknown_column")]


def test_rows_of_the_wrong_width_are_left_out_and_the_others_stand() -> None:
    text = an_export(AGENCY, columns=REQUIRED_COLUMNS) + "11,Night Shelter\r\n12,A,Program,10,Active,more\r\n"
    text += "13,B,Program,10,Active,,\r\n"

    result = parse(text.encode())

    assert codes(result) == [(3, None, "too_few_cells"), (4, None, "too_many_cells")]
    assert [record.number for record in result.records] == ["10", "13"]


@pytest.mark.parametrize(
    ("change", "column", "code"),
    [
        ({"ResourceAgencyNum": ""}, "ResourceAgencyNum", "number_missing"),
        ({"ResourceAgencyNum": "A11"}, "ResourceAgencyNum", "number_not_numeric"),
        ({"ResourceAgencyNum": "0"}, "ResourceAgencyNum", "number_not_numeric"),
        ({"ResourceAgencyNum": "1" * 19}, "ResourceAgencyNum", "number_not_numeric"),
        ({"ResourceAgencyNum": "\u0661\u0661"}, "ResourceAgencyNum", "number_not_numeric"),
        ({"TaxonomyLevelName": "Branch"}, "TaxonomyLevelName", "unknown_level"),
        ({"TaxonomyLevelName": ""}, "TaxonomyLevelName", "unknown_level"),
        ({"AgencyStatus": "Sleeping"}, "AgencyStatus", "unknown_status"),
        ({"ParentAgencyNum": "ten"}, "ParentAgencyNum", "number_not_numeric"),
        ({"ParentAgencyNum": "11"}, "ParentAgencyNum", "self_parent"),
        ({"ParentAgencyNum": "0"}, "ParentAgencyNum", "parent_missing"),
        ({"ParentAgencyNum": ""}, "ParentAgencyNum", "parent_missing"),
        ({"ParentAgencyNum": "99"}, "ParentAgencyNum", "orphan"),
        ({"PublicName": "", "ParentAgency": ""}, "PublicName", "name_missing"),
        ({"PublicName": "x" * 256}, "PublicName", "value_too_long"),
        ({"AgencyDescription": "x" * 10_001}, "AgencyDescription", "value_too_long"),
        ({"AgencyDescription": "a\0b"}, "AgencyDescription", "nul_character"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_with_line_column_and_code(
    change: dict[str, str], column: str, code: str
) -> None:
    result = parsed(PROGRAM | change)

    assert codes(result) == [(3, column, code)]
    assert [record.number for record in result.records] == ["10"]


def test_every_problem_of_a_row_is_reported_at_once() -> None:
    result = parsed(PROGRAM | {"ResourceAgencyNum": "x", "TaxonomyLevelName": "y", "AgencyStatus": "z"})

    assert [code for _, _, code in codes(result)] == ["number_not_numeric", "unknown_level", "unknown_status"]


def test_no_message_quotes_the_value() -> None:
    result = parsed(
        PROGRAM | {"AgencyStatus": "SECRET", "TaxonomyLevelName": "SECRET", "ResourceAgencyNum": "SECRET"}
    )

    assert result.refused
    assert "SECRET" not in repr(result)


def test_the_second_row_of_a_number_is_refused_and_both_lines_are_named() -> None:
    result = parsed(PROGRAM, PROGRAM | {"ResourceAgencyNum": "0011", "PublicName": "Other"})

    assert codes(result) == [(4, "ResourceAgencyNum", "duplicate_number")]
    assert "lines 3 and 4" in result.refused[0].message
    assert [record.name for record in result.records] == ["Harbor Shelter Alliance", "Night Shelter"]


def test_a_program_may_stand_before_its_agency() -> None:
    result = parse(an_export(PROGRAM, AGENCY).encode())

    assert (len(result.records), result.refused) == (2, ())


def test_a_program_may_hang_on_an_agency_that_only_the_directory_knows() -> None:
    data = an_export(PROGRAM).encode()

    assert codes(parse(data)) == [(2, "ParentAgencyNum", "orphan")]
    assert parse(data, known_agency_numbers={"10"}).refused == ()


def test_the_programs_of_a_refused_agency_are_orphans_that_name_its_line() -> None:
    result = parse(an_export(AGENCY | {"AgencyStatus": "?"}, PROGRAM).encode())

    assert [code for _, _, code in codes(result)] == ["unknown_status", "orphan"]
    assert "line 2" in result.refused[1].message


def test_a_program_can_not_hang_on_a_program() -> None:
    result = parsed(PROGRAM, PROGRAM | {"ResourceAgencyNum": "12", "ParentAgencyNum": "11"})

    assert codes(result) == [(4, "ParentAgencyNum", "parent_not_an_agency")]


def test_an_agency_with_a_parent_stands_without_it_and_is_warned_of() -> None:
    result = parsed(AGENCY | {"ResourceAgencyNum": "20", "ParentAgencyNum": "10"})

    assert result.records[1].parent_number is None
    assert warned(result) == [(3, "ParentAgencyNum", "agency_with_parent")]


def test_an_empty_name_falls_back_to_the_parent_agency_with_a_warning() -> None:
    result = parsed(PROGRAM | {"PublicName": " "})

    assert result.records[1].name == "Harbor Shelter Alliance"
    assert warned(result) == [(3, "PublicName", "name_missing")]


@pytest.mark.parametrize(
    ("others", "status"),
    [
        ({}, ResourceStatus.ACTIVE),
        ({"AvailableForReferral": "No"}, ResourceStatus.DO_NOT_REFER),
        ({"MadeInactiveOn": "6/30/26 0:00"}, ResourceStatus.INACTIVE),
    ],
)
def test_an_empty_status_is_read_from_the_other_columns_with_a_warning(
    others: dict[str, str], status: ResourceStatus
) -> None:
    result = parsed(PROGRAM | {"AgencyStatus": ""} | others)

    assert result.records[1].status is status
    assert warned(result) == [(3, "AgencyStatus", "status_missing")]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("active", ResourceStatus.ACTIVE),
        ("Active, but do not refer", ResourceStatus.DO_NOT_REFER),
        ("Active but do not refer", ResourceStatus.DO_NOT_REFER),
        ("INACTIVE ", ResourceStatus.INACTIVE),
    ],
)
def test_statuses_are_read_in_any_case(text: str, status: ResourceStatus) -> None:
    assert parsed(PROGRAM | {"AgencyStatus": text}).records[1].status is status


def test_levels_are_read_with_and_without_spaces() -> None:
    result = parsed(
        PROGRAM | {"TaxonomyLevelName": "Program at Site"},
        PROGRAM | {"ResourceAgencyNum": "12", "TaxonomyLevelName": "SITE"},
    )

    assert [record.level for record in result.records[1:]] == [Level.PROGRAM_AT_SITE, Level.SITE]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("Latitude", "north", "unreadable_position"),
        ("Longitude", "181", "unreadable_position"),
        ("Latitude", "nan", "unreadable_position"),
        ("UpdatedOn", "13/32/11 0:00", "unreadable_date"),
        ("EnteredOn", "yesterday", "unreadable_date"),
        ("Phone3Number", "(2  )    -", "unreadable_phone"),
        ("ConnectsToSiteNum", "north wing", "number_not_numeric"),
    ],
)
def test_an_unreadable_detail_is_kept_as_an_extra_value_and_warned_of(
    column: str, value: str, code: str
) -> None:
    result = parsed(PROGRAM | {column: value})

    assert result.records[1].extra == {column: value}
    assert warned(result) == [(3, column, code)]


def test_control_characters_are_taken_out_with_a_warning() -> None:
    result = parsed(PROGRAM | {"AgencyDescription": "a\x07b\tc"})

    assert result.records[1].description == "ab\tc"
    assert warned(result) == [(3, "AgencyDescription", "control_character")]


@pytest.mark.parametrize(
    ("text", "not_before", "moment"),
    [
        ("9/28/10 0:00", None, datetime(2010, 9, 28)),
        ("6/21/99 0:00", None, datetime(1999, 6, 21)),
        ("1/1/50 0:00", None, datetime(2050, 1, 1)),
        ("1/1/90 0:00", date(2010, 9, 28), datetime(2090, 1, 1)),
        ("12/31/00 0:00", date(2010, 9, 28), datetime(2100, 12, 31)),
        ("1/1/1990 0:00", date(2010, 9, 28), datetime(1990, 1, 1)),
        ("8/9/2026 1:05:09 PM", None, datetime(2026, 8, 9, 13, 5)),
        ("8/9/2026 12:05 AM", None, datetime(2026, 8, 9, 0, 5)),
        ("2026-08-09", None, datetime(2026, 8, 9)),
        ("2/29/00", date(2010, 1, 1), None),
        ("8/9", None, None),
    ],
)
def test_dates_of_two_digits_are_read_as_their_writer_meant_them(
    text: str, not_before: date | None, moment: datetime | None
) -> None:
    assert read_time(text, not_before) == moment


def test_the_zero_date_of_spreadsheets_is_no_date() -> None:
    record = parsed(PROGRAM | {"EnteredOn": "1899-12-30 00:00:00"}).records[1]

    assert record.entered_at is None
    assert record.extra == {}


def test_a_message_that_expires_before_it_appears_is_warned_of() -> None:
    message = {"TemporaryMessage": "Closed.", "TemporaryMessageAppears": "1/2/2026"}

    result = parsed(PROGRAM | message | {"TemporaryMessageExpires": "1/1/2026"})

    assert warned(result) == [(3, "TemporaryMessageExpires", "message_never_shows")]


@settings(max_examples=150)
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_give_records_or_a_named_refusal(data: bytes, with_header: bool) -> None:
    header = an_export(AGENCY, columns=REQUIRED_COLUMNS).encode() if with_header else b""
    # Any other exception fails the test.
    with contextlib.suppress(FileRefused):
        assert all(problem.line >= 2 for problem in parse(header + data).refused)


@settings(max_examples=80)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60), max_size=5))
def test_any_description_comes_back_whatever_quotes_commas_and_line_ends_it_holds(texts: list[str]) -> None:
    rows = [PROGRAM | {"ResourceAgencyNum": str(11 + i), "AgencyDescription": t} for i, t in enumerate(texts)]

    result = parse(an_export(AGENCY, *rows).encode())

    assert len(result.records) == 1 + len(texts)
    for record, text in zip(result.records[1:], texts, strict=True):
        kept = text.strip().replace("\r\n", "\n").replace("\r", "\n")
        assert record.description == "".join(c for c in kept if c in "\n\t" or not (c < " " or c == "\x7f"))


def test_a_row_of_blanks_is_skipped_and_half_a_position_is_kept_and_said() -> None:
    result = parsed(PROGRAM | {"Latitude": "44.1"}, {"PublicName": " "})

    assert (len(result.records), result.refused) == (2, ())
    assert (result.records[1].latitude, result.records[1].extra["Latitude"]) == (None, "44.1")
    assert warned(result) == [(3, "Latitude", "half_position")]
