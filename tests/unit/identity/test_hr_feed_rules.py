"""A file of the HR feed: accepted rows, refused rows with reasons, changes."""

from __future__ import annotations

import json

import pytest

from services.identity.hr_feed.feed_file import FileRefused, parse
from services.identity.hr_feed.rules import FeedRow, Known, ends_many, plan_feed

HEADER = b"employee_number,first_name,last_name,date_of_birth,email,manager_number,is_active\n"


def problems(*lines: str) -> list[tuple[int, str | None, str]]:
    parsed = parse(HEADER + "\n".join(["1,A,Quill,,,,", *lines]).encode(), "csv")
    assert [row.number for row in parsed.rows] == ["1"]
    return [(problem.line, problem.column, problem.code) for problem in parsed.problems if problem.is_refused]


@pytest.mark.seed("S2-34")
@pytest.mark.parametrize(
    ("line", "column", "code"),
    [
        (",A,Quill,,,,", "employee_number", "missing"),
        ("2,A,,,,,", "last_name", "missing"),
        ("2,A,Quill,31.12.1990,,,", "date_of_birth", "bad_date"),
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


@pytest.mark.seed("S2-34")
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
    assert without.problems == []


@pytest.mark.seed("S2-34")
def test_who_vanishes_is_ended_but_not_whose_row_was_refused_nor_whom_staff_keep():
    staff = Known("s" * 32, {}, is_ended=False, source="staff")
    plan = plan_feed([], {"1": known(), "2": known(), "3": staff}, ["2"])
    assert [(each.number, each.action) for each in plan.differences] == [("1", "ended")]


def test_a_fifth_may_end_without_asking():
    assert (ends_many(2, 10), ends_many(3, 10), ends_many(0, 0)) == (False, True, False)
