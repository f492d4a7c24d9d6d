"""Forms of questionnaires are read, changed and checked, and every problem is told with its place."""

from __future__ import annotations

from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.portals import questionnaire_form as shape
from services.portals.questionnaires import form as forms
from tests.support.questionnaires import a_choice, a_form, an_item, asked_when


def refused(*items: Any) -> dict[str, str]:
    with pytest.raises(Refused) as told:
        forms.read_items(items)
    return {each["field"]: each["rule"] for each in told.value.more["errors"]}


def test_every_problem_of_a_tree_is_told_at_once_with_its_path() -> None:
    told = refused(
        an_item("a", "number", least="many"),
        {"id": "b", "kind": "riddle", "items": [{"kind": "text"}, an_item("c", max_length=0)]},
        an_item("d", options=[{"value": "x"}], colour="red"),
    )
    assert set(told) == {
        "items.0.least",
        "items.1.kind",
        "items.1.items.0.id",
        "items.1.items.1.max_length",
        "items.2.options.0.text",
        "items.2.colour",
    }


def test_a_name_is_given_once_and_sections_end_somewhere() -> None:
    told = refused(an_item("a", "section", items=[an_item("a")]))
    assert told == {"items.0.items.0.id": "Another item has this name. Give each item a name of its own."}
    deep = an_item("leaf")
    for number in range(shape.DEEPEST):
        deep = an_item(f"s{number}", "section", items=[deep])
    [(path, rule)] = refused(deep).items()
    assert path == "items.0" + ".items.0" * (shape.DEEPEST - 1) + ".items"
    assert "at most 6 deep" in rule
    many = refused(*(an_item(f"q{number}") for number in range(shape.MOST_ITEMS + 1)))
    assert many == {"items": "A questionnaire has at most 500 items, and there are 501."}


def test_items_are_added_moved_changed_and_taken_out_and_the_old_form_stays() -> None:
    items = forms.read_items([an_item("a"), an_item("s", "section", items=[an_item("b"), an_item("c")])])
    before = str(items)
    values = {name: each for name, each in items[0].items() if name not in ("id", "items", "kept", "raw")}

    def names(tree: Any) -> list[str]:
        return [item["id"] for _, item in forms.walk(tree)]

    assert names(forms.with_item(items, None, "s", values)) == ["a", "s", "b", "c", "q1"]
    assert names(forms.with_item(items, "own", None, values))[-1] == "own"
    assert names(forms.moved(items, "c", -1)) == ["a", "s", "c", "b"]
    assert names(forms.moved(items, "c", 1)) == names(items) == names(forms.moved(items, "a", -1))
    assert names(forms.moved(items, "a", 1)) == ["s", "b", "c", "a"]
    assert names(forms.without_item(items, "s")) == ["a"]
    changed = forms.with_values(items, "b", {**values, "text": "New?"})
    assert forms.by_id(changed)["b"]["text"] == "New?"
    assert str(items) == before
    for work in (
        lambda: forms.moved(items, "x", 1),
        lambda: forms.without_item(items, "x"),
        lambda: forms.with_values(items, "x", values),
    ):
        with pytest.raises(Refused, match="not_found"):
            work()
    for name, parent in (("a", None), (None, "x")):
        with pytest.raises(Refused, match="invalid_request"):
            forms.with_item(items, name, parent, values)


def test_an_answer_without_a_value_gets_one_from_its_text() -> None:
    options = [
        {"text": "Not at all"},
        {"text": "Not at all!"},
        {"text": "¿?"},
        {"text": "x", "value": "not-at-all-3"},
    ]
    [item] = forms.read_items([an_item("a", "choice", options=options)])
    assert [each["value"] for each in item["options"]] == [
        "not-at-all",
        "not-at-all-2",
        "answer",
        "not-at-all-3",
    ]


def test_items_in_a_row_know_their_depth_and_their_neighbours() -> None:
    items = forms.read_items([an_item("s", "section", items=[an_item("b"), an_item("c")]), an_item("d")])
    assert [
        (row["id"], row["depth"], row["parent"], row["is_first"], row["is_last"]) for row in forms.flat(items)
    ] == [
        ("s", 0, None, True, False),
        ("b", 1, "s", True, False),
        ("c", 1, "s", False, True),
        ("d", 0, None, False, True),
    ]


SOUND = (
    an_item("age", "number", least=0, most=120),
    a_choice("work", "desk", "site"),
    an_item("sure", "yes_no"),
    an_item("on", "date"),
)


@pytest.mark.parametrize(
    ("item", "path", "words"),
    [
        (an_item("x", text=""), "text", "Say what is asked"),
        (an_item("x", "choice"), "options", "nothing to choose"),
        (a_choice("x", "a", "a"), "options.1.value", "there already"),
        (an_item("x", "number", least=5, most=4), "most", "Turn them round"),
        (an_item("x", "scale", least=1), "most", "its least and its most"),
        (an_item("x", "scale", least=0, most=101), "most", "at most 100 steps"),
        (an_item("x", "note", items=[an_item("y")]), "items", "Make it a section"),
        (an_item("x", "note", observation={"code": "1"}), "observation", "Only an answer"),
        (an_item("x", conditions=asked_when("nobody", "1")), "conditions.0.item", "no such question"),
        (an_item("x", conditions=asked_when("x", "1")), "conditions.0.item", "asked later"),
        (an_item("x", conditions=asked_when("age", "old")), "conditions.0.value", "Say a number"),
        (an_item("x", conditions=asked_when("work", "sea")), "conditions.0.value", "desk, site"),
        (
            an_item("x", conditions=asked_when("work", "desk", ">")),
            "conditions.0.operator",
            "greater or less",
        ),
        (an_item("x", conditions=asked_when("sure", "1")), "conditions.0.value", "true for yes"),
        (an_item("x", conditions=asked_when("on", "May")), "conditions.0.value", "Say a day"),
        (an_item("x", conditions=asked_when("sure", "yes", "exists")), "conditions.0.value", "is answered"),
        (an_item("x", jurisdictions=["us-tx"]), "jurisdictions", "no variant"),
    ],
)
def test_what_has_to_be_mended_before_publishing(item: dict[str, Any], path: str, words: str) -> None:
    assert forms.problems("Title", a_form(*SOUND)) == []
    told = dict(forms.problems("Title", a_form(*SOUND, item)))
    assert words in told.pop(f"items.4.{path}")
    assert told == {}


def test_what_has_to_be_mended_of_the_whole() -> None:
    variants = [{"code": "us-ca", "name": "California"}, {"code": "us-ca", "name": "Again"}]
    notices = [{"item": "age", "operator": ">", "value": "old", "department": "safety"}]
    told = dict(forms.problems(" ", a_form(*SOUND, variants=variants, notices=notices)))
    assert set(told) == {"title", "variants.1.code", "notices.0.value"}
    assert dict(forms.problems("T", a_form(an_item("n", "note")))) == {
        "items": "There is no question yet. Add one."
    }


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), (" 2.5 ", 2.5), ("2,5", 2.5), (-3, -3), ("1e5", None), ("", None), (True, None), (float("nan"), None)],
)  # fmt: skip
def test_a_number_is_read_as_people_write_it(text: Any, number: Any) -> None:
    assert forms.as_number(text) == number


def test_a_change_of_one_item_leaves_what_the_others_say_as_it_is() -> None:
    items = forms.read_items(
        [
            an_item("a"),
            an_item("s", "section", items=[an_item("b", conditions=asked_when("a", "x"))]),
            an_item("c"),
        ]
    )
    after = forms.by_id(forms.moved(items, "c", -1))
    # Nothing that an item says is copied: a form with many conditions is moved as fast as one without.
    assert after["b"]["conditions"] is forms.by_id(items)["b"]["conditions"]
    assert [item["id"] for item in items] == ["a", "s", "c"]


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (
            [an_item(f"q{number}", conditions=asked_when("q0", "x") * 20) for number in range(51)],
            "1000 conditions",
        ),
        ([a_choice(f"q{number}", *map(str, range(300))) for number in range(7)], "2000 answers to choose"),
    ],
)
def test_a_form_that_is_too_much_for_every_answer_is_told(items: Any, words: str) -> None:
    assert words in str(forms.too_much(a_form(*items)))
    assert forms.too_much(a_form(*items[:6])) is None
