"""Which items are asked, what is wrong with answers, what is stored of them and who is told."""

from __future__ import annotations

from typing import Any

import pytest

from services.portals.questionnaires import answering
from services.portals.questionnaires import form as forms
from tests.support.questionnaires import a_choice, a_form, an_item, asked_when


def names(form: Any, answers: Any, jurisdiction: str | None = None) -> list[str]:
    return [item["id"] for _, item in forms.walk(answering.asked(form, answers, jurisdiction))]


def test_a_question_is_asked_when_its_condition_holds_and_what_hangs_on_it_follows() -> None:
    form = a_form(
        an_item("smokes", "yes_no"),
        an_item("often", "number", conditions=asked_when("smokes", "true")),
        an_item("why", conditions=asked_when("often", "10", ">")),
    )
    assert names(form, {}) == ["smokes"]
    assert names(form, {"smokes": True}) == ["smokes", "often"]
    assert names(form, {"smokes": True, "often": 10}) == ["smokes", "often"]
    assert names(form, {"smokes": True, "often": 11}) == ["smokes", "often", "why"]
    assert names(form, {"smokes": False, "often": 11}) == ["smokes"]


@pytest.mark.parametrize(
    ("operator", "value", "answer", "holds"),
    [
        ("=", "3", 3, True), ("=", "3", 4, False), ("!=", "3", 4, True), ("!=", "3", 3, False), ("!=", "3", None, False),
        (">", "3", 3, False), (">", "3", 4, True), (">=", "3", 3, True), (">=", "3", 2, False), ("<", "3", 3, False),
        ("<", "3", 2, True), ("<=", "3", 3, True), ("<=", "3", 4, False), ("exists", "true", 0, True),
        ("exists", "true", None, False), ("exists", "false", None, True), ("exists", "false", 0, False),
    ],
)  # fmt: skip
def test_each_comparison(operator: str, value: str, answer: Any, holds: bool) -> None:
    form = a_form(an_item("n", "number"), an_item("x", conditions=asked_when("n", value, operator)))
    assert ("x" in names(form, {"n": answer})) is holds


@pytest.mark.parametrize("day", ["20260101", "2026-W01-4", "2026-01-01"])
def test_a_day_is_compared_as_a_day_however_it_was_written(day: str) -> None:
    def holds(operator: str, answer: str) -> bool:
        form = a_form(an_item("on", "date"), an_item("x", conditions=asked_when("on", day, operator)))
        assert forms.problems("Form", form) == []
        return "x" in names(form, {"on": answer})

    assert holds("=", "2026-01-01")
    assert not holds("!=", "2026-01-01")
    assert holds(">", "2026-05-01")
    assert not holds(">", "2025-12-31")
    assert holds("<", "2025-12-31")
    notices = [{"item": "on", "operator": "<=", "value": day, "department": "health"}]
    told = a_form(an_item("on", "date"), notices=notices)
    assert answering.departments(told, {"on": "2026-01-01"}) == [{"department": "health", "item": "on"}]


def test_who_reads_a_draft_sees_what_its_answers_count_as() -> None:
    form = a_form(
        an_item("sure", "yes_no"), an_item("on", "date"), an_item("n", "number"), a_choice("t", "saw")
    )
    given = {"sure": "true", "on": "20260101", "n": "many", "t": "saw"}
    assert [each["answer"] for each in answering.shown(form, given)] == [True, "2026-01-01", "many", "Saw"]


def test_of_several_answers_one_is_enough_and_of_several_conditions_all_or_any() -> None:
    conditions = [*asked_when("tools", "saw"), *asked_when("sure", "true")]
    both = a_form(
        a_choice("tools", "saw", "drill", kind="many_choice"),
        an_item("sure", "yes_no"),
        an_item("all", conditions=conditions),
        an_item("any", conditions=conditions, needs="any"),
    )
    assert names(both, {"tools": ["drill", "saw"]})[2:] == ["any"]
    assert names(both, {"tools": ["drill", "saw"], "sure": True})[2:] == ["all", "any"]
    assert names(both, {"tools": ["drill"]})[2:] == []


def test_each_jurisdiction_has_its_own_questions_and_a_section_without_any_is_left_out() -> None:
    form = a_form(
        an_item("all"),
        an_item("s", "section", items=[an_item("ca", jurisdictions=["us-ca"])]),
        an_item("rest", jurisdictions=["other"]),
        an_item("score", "number", is_read_only=True),
        variants=[{"code": "us-ca", "name": "California"}, {"code": "us-wa", "name": "Washington"}],
    )
    assert names(form, {}, "us-ca") == ["all", "s", "ca"]
    assert names(form, {}, "us-wa") == ["all"]
    assert names(form, {}, "other") == names(form, {}) == ["all", "rest"]


CHOICE = a_choice("x", "a", "b")
MANY = a_choice("x", "a", "b", kind="many_choice")
MANY["options"].append({"value": "none", "text": "None", "is_exclusive": True})


@pytest.mark.parametrize(
    ("item", "given", "kept"),
    [
        (an_item("x"), " a ", "a"),
        (an_item("x"), "  ", None),
        (an_item("x", "number"), "2,5", 2.5),
        (an_item("x", "number", is_whole=True), "3", 3),
        (an_item("x", "date"), "2026-02-28", "2026-02-28"),
        (an_item("x", "yes_no"), "no", False),
        (an_item("x", "yes_no"), True, True),
        (an_item("x", "yes_no"), ["", "yes"], True),
        (CHOICE, "b", "b"),
        ({**CHOICE, "is_open": True}, "own words", "own words"),
        (MANY, ["a", "", "b", "a"], ["a", "b"]),
        (MANY, "none", ["none"]),
    ],
)
def test_an_answer_is_kept_as_its_kind_has_it(item: Any, given: Any, kept: Any) -> None:
    assert answering.checked(a_form(item), {"x": given}, None) == ({} if kept is None else {"x": kept}, [])


@pytest.mark.parametrize(
    ("item", "given", "words"),
    [
        (an_item("x", max_length=3), "four", "At most 3 characters, and there are 4"),
        (an_item("x", "number"), "many", "Enter a number"),
        (an_item("x", "number", is_whole=True), "1.5", "whole number"),
        (an_item("x", "number", least=2, most=4), 1, "2 or more"),
        (an_item("x", "scale", least=2, most=4.5), 5, "4.5 or less"),
        (an_item("x", "date"), "2026-02-30", "Enter a day"),
        (an_item("x", "yes_no"), "perhaps", "yes or no"),
        (CHOICE, "c", "that are listed"),
        (CHOICE, 3, "Choose one"),
        (MANY, ["a", "c"], "that are listed"),
        (MANY, ["a", "none"], "goes with no other"),
        (an_item("x", "file"), "photo.png", "its own button"),
        (an_item("x", is_required=True), "", "It is needed"),
        (an_item("x", "yes_no", is_required=True), None, "It is needed"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(item: Any, given: Any, words: str) -> None:
    [(name, told)] = answering.checked(a_form(item), {"x": given}, None)[1]
    assert (name, words in told) == ("x", True), told


def test_every_problem_is_told_at_once_and_what_is_not_asked_is_neither_kept_nor_needed() -> None:
    form = a_form(
        an_item("smokes", "yes_no", is_required=True),
        an_item("often", "number", is_required=True, conditions=asked_when("smokes", "true")),
        an_item("name", is_required=True, max_length=2),
    )
    kept, told = answering.checked(form, {"smokes": True, "often": "x", "name": "Pat", "made-up": "1"}, None)
    assert [name for name, _ in told] == ["made-up", "often", "name"]
    kept, told = answering.checked(form, {"smokes": False, "often": 3, "name": "Jo"}, None)
    assert (kept, told) == ({"smokes": False, "name": "Jo"}, [])


def test_what_is_asked_comes_in_sections_with_loose_questions_between_them() -> None:
    form = a_form(
        an_item("a"), an_item("b"), an_item("s", "section", text="Work", items=[an_item("c")]), an_item("d")
    )
    steps = answering.sections(answering.asked(form, {}, None))
    assert [(step["title"], [row["id"] for row in step["items"]]) for step in steps] == [
        (None, ["a", "b"]),
        ("Work", ["c"]),
        (None, ["d"]),
    ]


@pytest.mark.seed("S2-107")
def test_each_answer_is_stored_under_its_code_as_own_words_or_as_the_option_says() -> None:
    option = {"value": "often", "text": "Often", "score": 3, "stored_as": "Coughs on most days"}
    form = a_form(
        an_item("story", observation={"system": "urn:own", "code": "cough-story", "name": "Cough"}),
        an_item("cough", "choice", options=[option], observation={"code": "64145-6"}),
        an_item("weight", "number", unit="kg", observation={"code": "29463-7"}),
        an_item("other"),
    )
    answers = {"story": "Since May", "cough": "often", "weight": 70, "other": "not stored"}
    told = [
        (each["system"], each["code"], each["value"], each["value_code"], each["score"], each["unit"])
        for each in answering.observations(form, answers)
    ]
    assert told == [
        ("urn:own", "cough-story", "Since May", None, None, None),
        ("http://loinc.org", "64145-6", "Coughs on most days", "often", 3.0, None),
        ("http://loinc.org", "29463-7", 70, None, None, "kg"),
    ]
    assert answering.observations(form, {"other": "x", "story": ""}) == []


def test_a_department_is_told_once_of_an_answer_that_its_rule_names() -> None:
    notices = [
        {"item": "pain", "operator": ">=", "value": "7", "department": "occupational-health"},
        {"item": "pain", "operator": ">=", "value": "9", "department": "occupational-health"},
        {"item": "pain", "operator": "exists", "value": "false", "department": "records"},
    ]
    form = a_form(an_item("pain", "number"), notices=notices)
    told = [{"department": "occupational-health", "item": "pain"}]
    assert answering.departments(form, {"pain": 9}) == answering.departments(form, {"pain": 7}) == told
    assert answering.departments(form, {"pain": 6}) == []
    assert answering.departments(form, {}) == [{"department": "records", "item": "pain"}]
