"""A file of the HR feed: accepted rows, refused rows with reasons, changes."""

from __future__ import annotations

import json

import pytest

from services.identity.hr_feed.feed_file import FileRefused, parse
from services.identity.hr_feed.rules import FeedRow, Known, is_many, marks_of, plan_feed

HEADER = b"employee_number,first_name,last_name,date_of_birth,email,manager_number,is_active\n"


def problems(*lines: str) -> list[tuple[int, str | None, str]]:
    parsed = parse(HEADER + "\n".join(["1,A,Quill,,,,", *lines]).encode(), "csv")
    assert [row.number for row in parsed.rows] == ["1"]
    return [(problem.line, problem.column, problem.code) for problem in parsed.problems if problem.is_refused]


@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        (",A,Quill,,,,", "employee_number", "missing"),
        ("2,A,,,,,", "last_name", "missing"),
        ("2,A,Quill,31.12.90,,,", "date_of_birth", "bad_date"),
        ("2,A,Quill,05/04/1990,,,", "date_of_birth", "bad_date"),
        ("2,A,Quill,33238,,,", "date_of_birth", "bad_date"),
        ('2,A,Quill,,"em2@example.org,",,', "email", "bad_email"),
        ("2,A,Quill,,jürgen@example.org,,", "email", "bad_email"),
        ("1.0E+05,A,Quill,,,,", "employee_number", "bad_number"),
        ("2,A,Quill,1990-02-30,,,", "date_of_birth", "bad_date"),
        ("2,A,Quill,2999-01-01,,,", "date_of_birth", "bad_date"),
        ("2,A,Quill,0190-01-01,,,", "date_of_birth", "bad_date"),
        ("2,A,Quill,,nobody,,", "email", "bad_email"),
        ("2,A,Quill,,,a b,", "manager_number", "bad_number"),
        ("2,A,Quill,,,,maybe", "is_active", "bad_flag"),
        ("2,A,Quill\x07,,,,", "last_name", "control_character"),
        (f"2,A,{'x' * 101},,,,", "last_name", "too_long"),
        ("1,A,Quill,,,,", "employee_number", "duplicate_number"),
        ("2,A,Quill", None, "cells"),
    ],
)
def test_a_bad_row_is_refused_with_line_and_column(line, column, code):
    assert problems(line) == [(3, column, code)]


def test_lines_are_counted_as_an_editor_shows_them():
    assert problems('2,"A\nB",Quill,,,,', "3,A,,,,,") == [
        (3, "first_name", "control_character"),
        (5, "last_name", "missing"),
    ]


@pytest.mark.parametrize(
    ("content", "file_format", "reason"),
    [
        (b"\xff1", "csv", "undecodable"),
        (b"\xff\xfe1", "csv", "undecodable"),
        (b"employee_number\n1\n", "csv", "missing_column"),
        (b"employee_number,last_name,last_name\n1,A,B\n", "csv", "duplicate_column"),
        (HEADER, "csv", "no_rows"),
        (HEADER + b'1,"A,Quill,,,,\n', "csv", "not_csv"),
        (b"{", "json", "not_json"),
        (b"[" * 100_000, "json", "not_json"),
        (b'{"employees": 1}', "json", "not_json"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(content, file_format, reason):
    with pytest.raises(FileRefused) as refusal:
        parse(content, file_format)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("first_of_day", ["31/12/1990", "31.12.1990"])
def test_a_column_with_the_day_first_here_and_the_month_first_there_is_refused_with_its_lines(first_of_day):
    days = [f"{line},A,Quill{line},{first_of_day},,," for line in (2, 3)]
    lines = [*days, "4,B,Quill,05/04/1990,,,", "5,C,Quill,12/31/1990,,,", "6,D,Quill,13/13/1990,,,"]
    with pytest.raises(FileRefused) as refusal:
        parse(HEADER + "\n".join(lines).encode(), "csv")
    assert (refusal.value.reason, refusal.value.line, refusal.value.column) == (
        "mixed_dates",
        2,
        "date_of_birth",
    )
    assert "day first (2, 3)" in str(refusal.value.detail)
    assert "month first (5)" in str(refusal.value.detail)
    assert "1990-12-31" in str(refusal.value.detail)


def test_json_says_the_same_as_csv():
    as_csv = parse(HEADER + b"1,A,Quill,1990-12-31,a@example.org,2,no\n2,B,Reef,,,,\n", "csv")
    rows = [
        {
            "employee_number": 1,
            "first_name": "A",
            "last_name": "Quill",
            "date_of_birth": "1990-12-31",
            "email": "a@example.org",
            "manager_number": "2",
            "is_active": False,
        },
        {
            "employee_number": "2",
            "first_name": "B",
            "last_name": "Reef",
            "email": None,
            "manager_number": None,
        },
    ]
    as_json = parse(json.dumps(rows).encode(), "json")
    assert [(row.number, row.values, row.is_active) for row in as_json.rows] == [
        (row.number, row.values, row.is_active) for row in as_csv.rows
    ]


@pytest.mark.parametrize("name", ["last_name", "department", "employer"])
@pytest.mark.parametrize("half", ["\ud800", "Reef \udfff"])
def test_half_of_a_character_is_refused_with_line_and_column(name, half):
    row = {"employee_number": "1", "last_name": "Quill"} | {name: half}
    parsed = parse(json.dumps([row, {"employee_number": "2", "last_name": "Reef"}]).encode(), "json")
    refused = [each for each in parsed.problems if each.is_refused]
    assert [(each.line, each.column, each.code) for each in refused] == [(1, name, "broken_character")]
    assert (parsed.refused_numbers, [each.number for each in parsed.rows]) == (["1"], ["2"])


def test_a_message_never_repeats_a_cell():
    parsed = parse(HEADER + b"1,A,Quill,,,,\n2,Robin,Reef,,secret-person,,\n", "csv")
    assert all("secret-person" not in problem.message for problem in parsed.problems)


def known(**values: str | None) -> Known:
    return Known("p" * 32, values, is_ended=False, source="hr")


@pytest.mark.seed("S2-131")
def test_hr_wins_for_what_it_states_and_says_nothing_by_an_empty_cell():
    plan = plan_feed(
        [FeedRow(2, "1", {"last_name": "Quill", "email": "hr@example.org"})],
        {"1": known(last_name="Quill", email="own@example.org", mobile_phone="555-0100")},
        [],
    )
    assert [each.changes for each in plan.differences] == [(("email", "own@example.org", "hr@example.org"),)]


def test_an_empty_manager_number_says_that_there_is_none_and_a_missing_column_says_nothing():
    without = parse(b"employee_number,last_name,manager_number\n1,Quill,\n", "csv")
    silent = parse(b"employee_number,last_name\n1,Quill\n", "csv")
    supervised, free = known(last_name="Quill", manager_number="9"), known(last_name="Quill")
    [difference] = plan_feed(without.rows, {"1": supervised}, []).differences
    assert difference.changes == (("manager_number", "9", None),)
    assert plan_feed(silent.rows, {"1": supervised}, []).differences == []
    assert plan_feed(without.rows, {"1": free}, []).differences == []
    [added] = plan_feed(without.rows, {}, []).differences
    assert added.changes == (("last_name", None, "Quill"),)
    assert [each.code for each in without.problems] == ["no_email"]


def test_who_vanishes_is_ended_but_not_whose_row_was_refused_nor_whom_staff_keep():
    staff = Known("s" * 32, {}, is_ended=False, source="staff")
    plan = plan_feed([], {"1": known(), "2": known(), "3": staff}, ["2"])
    assert [(each.number, each.action) for each in plan.differences] == [("1", "ended")]


def test_a_fifth_may_end_without_asking():
    assert (is_many(2, 10), is_many(3, 10), is_many(0, 0)) == (False, True, False)


@pytest.mark.parametrize(
    ("sign", "start"), [(",", ""), (";", ""), ("\t", ""), (";", "\ufeff"), (";", "sep=;\r\n"), (",", "\r\n")]
)
def test_a_spreadsheet_s_signs_between_cells_are_understood(sign: str, start: str) -> None:
    lines = (["Employee Number", "Last Name", "department"], ["1", "Quill", "Ward"])
    text = start + "\r\n".join(sign.join(cells) for cells in lines)
    for content in (text.encode(), text.encode("utf-16")):
        (row,) = parse(content, "csv").rows
        assert (row.number, row.values) == ("1", {"last_name": "Quill", "department": "Ward"})


@pytest.mark.parametrize("written", ['"=""00002"""', "00002", "00002.0", "'00002", " 00002 "])
def test_a_spreadsheet_s_forms_of_a_number_are_that_number(written: str) -> None:
    parsed = parse(HEADER + f"{written},A,Quill,,,{written},\n".encode(), "csv")
    (row,) = parsed.rows
    assert (row.number, row.values["manager_number"]) == ("00002", "00002")
    (row,) = parse(b'[{"employee_number": 1001.0, "last_name": "Quill"}]', "json").rows
    assert row.number == "1001"


@pytest.mark.parametrize(
    ("written", "others", "read"),
    [
        ("1990-12-31", "", "1990-12-31"),
        ("1990/12/31", "", "1990-12-31"),
        ("1990-12-31 00:00:00", "", "1990-12-31"),
        ("31/12/1990", "", "1990-12-31"),
        ("12/31/1990", "", "1990-12-31"),
        ("05.04.1990", "", "1990-04-05"),
        ("05/04/1990", "31/12/1990", "1990-04-05"),
        ("05/04/1990", "12/31/1990", "1990-05-04"),
        ("04/04/1990", "", "1990-04-04"),
        ("05/04/1990", "", None),
    ],
)
def test_a_date_is_understood_where_the_file_tells_day_and_month_apart(
    written: str, others: str, read: str | None
) -> None:
    rows = f"1,A,Quill,{written},,,\n2,B,Reef,{others},,,\n"
    born = {row.number: row.values.get("date_of_birth") for row in parse(HEADER + rows.encode(), "csv").rows}
    assert born.get("1") == read


def warned(*lines: str) -> list[tuple[int, str | None, str]]:
    parsed = parse(HEADER + "\n".join(lines).encode(), "csv")
    return [(each.line, each.column, each.code) for each in parsed.problems if not each.is_refused]


def test_managers_in_a_circle_are_warned_of() -> None:
    lines = [
        f"{own},A,Quill{own},,e{own}@example.org,{manager}," for own, manager in ("12", "23", "31", "41")
    ]
    assert warned(*lines) == [(line, "manager_number", "manager_cycle") for line in (2, 3, 4)]


def test_rows_that_are_probably_about_one_person_are_warned_of() -> None:
    assert warned(
        "1,Åse,Østby,1990-12-31,a@example.org,,",
        "2,Ase,OSTBY,1990-12-31,b@example.org,,",
        "3,Kim,Reef,,A@Example.org,,",
        "4,Kim,Reef,,c@example.org,,",
    ) == [(3, "date_of_birth", "probable_double"), (4, "email", "probable_double")]


def test_an_employee_without_e_mail_is_reported() -> None:
    assert warned("1,A,Quill,,a@example.org,,", "2,B,Reef,,,,", "3,C,Spar,,,,no") == [
        (3, "email", "no_email")
    ]
    assert warned("1,A,Quill,,,,", "2,B,Reef,,,,") == [(1, "email", "no_email")]


def test_an_address_is_stored_in_one_form() -> None:
    (row,) = parse(HEADER + "1,A,Quill,,A@Bücher.Example\u200b,,".encode(), "csv").rows
    assert row.values["email"] == "A@bücher.example"


@pytest.mark.parametrize(("stored", "written"), [("00002", "2"), ("ab-7", "AB-7"), ("1001", "01001")])
def test_an_employee_is_known_by_another_spelling_of_the_number(stored: str, written: str) -> None:
    people = {stored: known(last_name="Quill"), "9": known(last_name="Reef", manager_number=stored)}
    rows = [
        FeedRow(2, written, {"last_name": "Quill"}),
        FeedRow(3, "9", {"last_name": "Reef", "manager_number": written}),
    ]
    plan = plan_feed(rows, people, [])
    assert (plan.differences, plan.unchanged, plan.unsupervised) == ([], 2, 0)
    # A number that the file has exactly is not meant by another one.
    both = plan_feed([rows[0], FeedRow(4, stored, {}), FeedRow(5, "9", {})], people, [])
    assert [(each.number, each.action) for each in both.differences] == [(written, "added")]
    twice = plan_feed([*rows, FeedRow(4, f"0{written}", {})], people, []) if written.isdecimal() else plan
    assert twice.repeated == ([(4, 2)] if written.isdecimal() else [])


def test_a_refused_row_leaves_its_employee_as_it_is() -> None:
    people = {number: known(last_name="Quill") for number in ("1", "2", "3")}
    rows = [FeedRow(2, "1", {"last_name": "Quill"})]
    assert [each.number for each in plan_feed(rows, people, ["02"]).differences] == ["3"]
    assert plan_feed(rows, people, ["Ward"]).count("ended") == 2


def test_a_row_with_what_tells_another_employee_is_probably_that_one_s() -> None:
    mine, shared, other = ("email", "a"), ("email", "desk"), ("email", "b")
    people = {
        "1": Known("p1", {"first_name": "Ann", "last_name": "Reef"}, False, "hr", (mine, shared)),
        "2": Known("p2", {"first_name": "Ben", "last_name": "Quay"}, False, "hr", (other, shared)),
    }

    def doubles(number: str, *marks: tuple[str, ...], name: str = "Cay", is_active: bool = True) -> list[int]:
        row = FeedRow(7, number, {"first_name": "BEN", "last_name": name}, is_active, marks)
        return plan_feed([row], people, []).doubles

    assert doubles("9", other) == [7]
    assert doubles("1", other) == [7], "the number of one employee with the mailbox of another"
    assert doubles("1", shared) == [], "a mailbox that both had before"
    assert doubles("9") == []
    assert doubles("9", name="quay") == [7], "the name of one who is missing"
    assert doubles("1", name="quay") == [], "a known employee may be renamed"
    assert doubles("9", other, name="quay", is_active=False) == []


def test_a_new_employee_whose_number_is_another_one_in_another_spelling_is_pointed_out() -> None:
    rows = [FeedRow(2, "a9", {}), FeedRow(3, "A9", {}), FeedRow(4, "7", {}), FeedRow(5, "00007", {})]
    assert plan_feed(rows, {}, []).respelled == [(3, 2), (5, 4)]
    both_known = {"a9": known(last_name="Quill"), "A9": known(last_name="Reef")}
    assert plan_feed(rows[:2], both_known, []).respelled == []
    assert plan_feed(
        [FeedRow(2, "A9", {}), FeedRow(3, "a9", {})], {"A9": both_known["A9"]}, []
    ).respelled == [(3, 2)]
    # One known employee is meant by another spelling; of several nobody can tell which.
    assert plan_feed([FeedRow(2, "007", {})], {"7": known(last_name="Quill")}, []).respelled == []
    several = {"7": known(last_name="Quill"), "07": known(last_name="Reef")}
    assert plan_feed([FeedRow(2, "007", {})], several, []).respelled == [(2, None)]
    assert plan_feed([FeedRow(2, "a9", {}), FeedRow(3, "A9", {}, is_active=False)], {}, []).respelled == []


def test_employees_whose_manager_a_file_takes_away_are_counted() -> None:
    people = {"1": known(last_name="Quill")} | {
        number: known(last_name="Reef", manager_number="1") for number in ("2", "3", "4", "5")
    }
    people["6"] = known(last_name="Spar", manager_number="77")
    rows = [
        FeedRow(2, "1", {}),
        FeedRow(3, "2", {"manager_number": "1"}),
        FeedRow(4, "3", {"manager_number": ""}),
        FeedRow(5, "4", {"manager_number": "99"}),
        FeedRow(6, "5", {}),
        FeedRow(7, "6", {}),
    ]
    plan = plan_feed(rows, people, [])
    assert (plan.supervised, plan.supervised_before, plan.unsupervised) == (2, 4, 2)
    # The manager ends: the others lose theirs.
    assert plan_feed(rows[1:], people, []).unsupervised == 4


def test_a_new_employee_who_is_known_under_another_number_is_pointed_out() -> None:
    marks = marks_of("a@example.org", "ase", "ostby", "1990-12-31")
    people = {"1": Known("p" * 32, {"last_name": "Østby"}, is_ended=False, source="hr", marks=marks)}
    lines = (
        "1,,Østby,,,,",
        "7,Ase,Ostby,1990-12-31,,,",
        "8,Kim,Reef,,A@example.org,,",
        "9,Kim,Spar,1991-12-31,s@example.org,,",
    )
    rows = parse(HEADER + "\n".join(lines).encode(), "csv").rows
    assert plan_feed(rows, people, []).doubles == [3, 4]


def test_an_object_with_a_member_twice_is_refused() -> None:
    rows = '{"employee_number": "1", "last_name": "Quill"}, {"employee_number": "2", "employee_number": "9", "last_name": "Reef"}'
    parsed = parse(f"[{rows}]".encode(), "json")
    assert [row.number for row in parsed.rows] == ["1"]
    assert [(each.line, each.code) for each in parsed.problems if each.is_refused] == [(2, "not_an_object")]
    with pytest.raises(FileRefused) as refused:
        parse(f'{{"employees": [{rows}], "employees": []}}'.encode(), "json")
    assert refused.value.reason == "not_json"
