"""FHIR R4 Questionnaires come in and go out again with equal items; what has no effect here is named."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.errors import Refused
from services.portals.questionnaires import answering, fhir_reading, fhir_words, fhir_writing
from services.portals.questionnaires import form as forms
from tests.support.questionnaires import a_choice, a_form, an_item, asked_when

# Real questionnaires, where somebody has put them.
CHECKOUT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("FHIR_QUESTIONNAIRES", CHECKOUT / "../shared/data/fhir_questionnaires"))
REAL = sorted(FOLDER.glob("*.json"))
EXTENSION = "http://hl7.org/fhir/StructureDefinition"

SAMPLE: dict[str, Any] = {
    "resourceType": "Questionnaire",
    "url": "http://example.org/q/respirator",
    "title": "Respirator",
    "status": "draft",
    "description": "Read each question.",
    "extension": [{"url": f"{EXTENSION}/variable", "valueExpression": {"name": "sum"}}],
    "contained": [
        {
            "resourceType": "ValueSet",
            "id": "yn",
            "compose": {"include": [{"system": "urn:yn", "concept": [{"code": "y", "display": "Yes"}, {"code": "n"}]}]},
        }
    ],
    "item": [
        {"linkId": "intro", "type": "display", "text": "Welcome"},
        {
            "linkId": "1",
            "type": "group",
            "text": "You",
            "item": [
                {"linkId": "1.1", "type": "string", "text": "Name", "required": True, "maxLength": 80},
                {"linkId": "1.2", "type": "integer", "text": "Age", "extension": [
                    {"url": f"{EXTENSION}/maxValue", "valueInteger": 120}, {"url": f"{EXTENSION}/minValue", "valueInteger": 0},
                ]},
                {"linkId": "1.3", "type": "quantity", "text": "Weight", "extension": [
                    {"url": f"{EXTENSION}/questionnaire-unit", "valueCoding": {"code": "kg"}},
                ]},
                {"linkId": "1.4", "type": "integer", "text": "Pain", "extension": [
                    {"url": f"{EXTENSION}/questionnaire-itemControl", "valueCodeableConcept": {"coding": [{"code": "slider"}]}},
                    {"url": f"{EXTENSION}/minValue", "valueInteger": 0}, {"url": f"{EXTENSION}/maxValue", "valueInteger": 10},
                ]},
                {"linkId": "1.5", "type": "string", "maxLength": 5},
            ],
        },
        {"linkId": "2", "type": "boolean", "text": "Do you smoke?", "code": [{"system": "http://loinc.org", "code": "72166-2"}]},
        {
            "linkId": "3", "type": "open-choice", "repeats": True, "text": "What?",
            "enableWhen": [{"question": "2", "operator": "=", "answerBoolean": True}],
            "answerOption": [
                {"valueCoding": {"system": "urn:x", "code": "pipe", "display": "A pipe"}, "extension": [
                    {"url": f"{EXTENSION}/ordinalValue", "valueDecimal": 2},
                ]},
                {"valueString": "Cigars"},
            ],
        },
        {"linkId": "4", "type": "choice", "text": "Sure?", "answerValueSet": "#yn", "prefix": "4."},
        {"linkId": "5", "type": "choice", "text": "How often?", "answerValueSet": "http://loinc.org/vs/LL358-3"},
        {"linkId": "6", "type": "choice", "text": "Where?", "answerValueSet": "http://example.org/vs/places"},
        {"linkId": "7", "type": "dateTime", "text": "When?", "initial": [{"valueDateTime": "2026-01-01"}]},
        {"linkId": "8", "type": "string", "text": "Zip", "repeats": True, "extension": [
            {"url": f"{EXTENSION}/regex", "valueString": "[0-9]{5}"}, {"url": "urn:own", "valueString": "x"},
        ]},
        {"linkId": "9", "type": "decimal", "text": "Total", "readOnly": True, "enableBehavior": "any", "enableWhen": [
            {"question": "1.2", "operator": ">", "answerInteger": 3},
            {"question": "3", "operator": "=", "answerCoding": {"system": "urn:x", "code": "pipe", "display": "A pipe"}},
        ]},
        {"linkId": "10", "type": "attachment", "text": "A picture", "enableWhen": [
            {"question": "nobody", "operator": "exists", "answerBoolean": True},
        ]},
    ],
}  # fmt: skip


def flat(items: Any) -> Iterator[dict[str, Any]]:
    for item in items:
        yield {name: value for name, value in item.items() if name != "item"}
        yield from flat(item.get("item", []))


def written(reading: Any) -> Any:
    return fhir_writing.questionnaire_of("a" * 32, reading.title, "published", 3, reading.form)


def test_a_questionnaire_comes_in_and_goes_out_with_equal_items() -> None:
    reading = fhir_reading.read_questionnaire(SAMPLE)
    out = written(reading)
    assert out["item"] == SAMPLE["item"]
    assert (out["title"], out["status"], out["version"]) == ("Respirator", "active", "3")
    assert (out["url"], out["description"]) == (SAMPLE["url"], SAMPLE["description"])
    assert [path for path, _ in forms.problems(reading.title, reading.form)] == []


def test_each_type_becomes_what_people_are_asked() -> None:
    known = forms.by_id(fhir_reading.read_questionnaire(SAMPLE).form["items"])
    kinds = {name: item["kind"] for name, item in known.items()}
    assert kinds == {
        "intro": "note", "1": "section", "1.1": "text", "1.2": "number", "1.3": "number", "1.4": "scale", "1.5": "text",
        "2": "yes_no", "3": "many_choice", "4": "choice", "5": "choice", "6": "choice", "7": "date", "8": "text", "9": "number",
        "10": "file",
    }  # fmt: skip
    assert (known["1.1"]["is_required"], known["1.1"]["max_length"]) == (True, 80)
    assert (known["1.2"]["least"], known["1.2"]["most"], known["1.2"]["is_whole"]) == (0, 120, True)
    assert (known["1.3"]["unit"], known["1.5"]["text"], known["4"]["prefix"]) == ("kg", "You", "4.")
    assert known["2"]["observation"]["code"] == "72166-2"
    assert known["3"]["conditions"] == asked_when("2", "true")
    assert [(each["value"], each["score"]) for each in known["3"]["options"]] == [
        ("pipe", 2),
        ("Cigars", None),
    ]
    assert [each["text"] for each in known["4"]["options"]] == ["Yes", "n"]
    assert [each["score"] for each in known["5"]["options"]] == [0, 1, 2, 3]
    assert (known["6"]["options"], known["6"]["is_open"]) == ([], True)
    assert (known["9"]["is_read_only"], known["9"]["needs"], len(known["9"]["conditions"])) == (
        True,
        "any",
        2,
    )


def test_what_has_no_effect_here_is_named_with_its_place() -> None:
    told = {
        (each["path"], each["what"].split(".")[0])
        for each in fhir_reading.read_questionnaire(SAMPLE).not_supported
    }
    assert told == {
        ("resource.extension", "Variables are not computed"),
        ("resource.item.6.answerValueSet", "The answers of http://example"),
        ("resource.item.7.type", "A day is asked, without the time of day"),
        ("resource.item.7.initial", "It begins without an answer"),
        ("resource.item.8.repeats", "It is asked once: answers and sections are not repeated"),
        ("resource.item.8.extension", "The pattern of the answer is not checked"),
        ("resource.item.8.extension", "The extension urn:own has no effect here"),
        ("resource.item.9.readOnly", "It is filled in by others, so nobody is asked"),
        ("resource.item.10.enableWhen.0", "It names no item"),
    }


def test_an_edited_item_goes_out_as_it_was_edited_and_keeps_what_we_do_not_know() -> None:
    items = fhir_reading.read_questionnaire(SAMPLE).form["items"]
    old = forms.by_id(items)["8"]
    values = {name: each for name, each in old.items() if name not in ("id", "items", "kept", "raw")}
    out = fhir_writing.items_of(forms.with_values(items, "8", {**values, "text": "Code"}))
    [edited] = [each for each in out if each["linkId"] == "8"]
    assert edited == {
        "linkId": "8", "type": "string", "text": "Code", "extension": SAMPLE["item"][8]["extension"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ({"resourceType": "Patient"}, "resource.resourceType"),
        ({"item": "none"}, "resource.item"),
        ({"item": [{"type": "string"}]}, "resource.item.0.linkId"),
        ({"item": [{"linkId": "1", "type": "riddle"}]}, "resource.item.0.type"),
        ({"item": [{"linkId": "1", "type": "string", "text": 3}]}, "resource.item.0.text"),
        ({"item": [{"linkId": "1", "type": "choice", "answerOption": {}}]}, "resource.item.0.answerOption"),
        (
            {"item": [{"linkId": "1", "type": "string"}, {"linkId": "1", "type": "string"}]},
            "resource.item.1.linkId",
        ),
        ({"title": []}, "resource.title"),
    ],
)
def test_what_is_no_questionnaire_is_refused_with_the_place(resource: dict[str, Any], path: str) -> None:
    with pytest.raises(Refused) as refused:
        fhir_reading.read_questionnaire({"resourceType": "Questionnaire", **resource})
    assert [each["field"] for each in refused.value.more["errors"]] == [path]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["url", "code", "valueCoding"]), inner)
    ),
    max_leaves=4,
)
_MEMBERS = (
    "text", "prefix", "required", "repeats", "maxLength", "answerOption", "answerValueSet", "enableWhen", "code", "extension",
    "readOnly", "initial", "item",
)  # fmt: skip


_WORDS = st.sampled_from(
    (
        "url",
        "question",
        "operator",
        "answerBoolean",
        "answerCoding",
        "valueCoding",
        "valueString",
        "code",
        "valueInteger",
    )
)
_LISTS = st.lists(st.dictionaries(_WORDS, _JSON), max_size=2)


_ONE = {"linkId": "1", "type": "choice", "text": "t"}


@pytest.mark.parametrize("wrong", [5, "x", True, None, [5], [None]])
@pytest.mark.parametrize(
    "path",
    [
        "extension", "contained", "contained.0.compose.include", "contained.0.compose.include.0.concept",
        "contained.0.expansion.contains", "item", "item.0.item", "item.0.answerOption", "item.0.enableWhen", "item.0.code",
        "item.0.extension", "item.0.answerOption.0.extension", "item.0.extension.0.valueCodeableConcept.coding",
    ],
)  # fmt: skip
def test_a_list_of_a_wrong_type_is_refused_with_its_path(path: str, wrong: Any) -> None:
    assert _refused(path, wrong) == [f"resource.{path}"]


@pytest.mark.parametrize("wrong", [5, True, None, [], {}])
@pytest.mark.parametrize(
    "path",
    [
        "title", "description", "extension.0.url", "contained.0.id", "contained.0.url",
        "contained.0.compose.include.0.system", "contained.0.compose.include.0.concept.0.code", "item.0.text",
        "item.0.prefix", "item.0.answerValueSet", "item.0.enableBehavior", "item.0.extension.0.url",
        "item.0.extension.0.valueString", "item.0.extension.0.valueCoding.display", "item.0.code.0.system",
        "item.0.answerOption.0.valueCoding.code", "item.0.answerOption.0.valueString", "item.0.enableWhen.0.question",
        "item.0.enableWhen.0.operator", "item.0.enableWhen.0.answerCoding.code", "item.0.enableWhen.0.answerDate",
    ],
)  # fmt: skip
def test_a_text_of_a_wrong_type_is_refused_with_its_path(path: str, wrong: Any) -> None:
    assert _refused(path, wrong) == [f"resource.{path}"]


@pytest.mark.parametrize("wrong", ["a\0b", "\ud800"])
@pytest.mark.parametrize(
    "path",
    [
        "title",
        "description",
        "publisher",
        "extension.0.valueString",
        "item.0.text",
        "item.0.x",
        "item.0.initial.0.y",
    ],
)
def test_a_text_that_no_database_holds_is_refused_with_its_path(path: str, wrong: str) -> None:
    assert _refused(path, wrong) == [f"resource.{path}"]


def test_a_member_whose_name_no_database_holds_is_refused() -> None:
    assert _refused("item.0.initial.0.\ud800", "x") == ["resource.item.0.initial.0"]


@pytest.mark.parametrize("wrong", [2**70, 1e300])
def test_a_number_that_no_call_carries_is_refused_with_its_path(wrong: float) -> None:
    assert _refused("item.0.initial.0.valueDecimal", wrong) == ["resource.item.0.initial.0.valueDecimal"]


def test_what_is_wrong_is_told_with_the_linkid_of_its_item() -> None:
    inner = {"linkId": "smoker", "type": "boolean", "text": 5}
    resource = {"resourceType": "Questionnaire", "item": [{"linkId": "s", "type": "group", "item": [inner]}]}
    with pytest.raises(Refused) as refused:
        fhir_reading.read_questionnaire(resource)
    [told] = refused.value.more["errors"]
    assert told == {"field": "resource.item.0.item.0.text", "rule": "Item smoker: A text is expected."}
    # Also where only the form of it cannot be kept.
    inner |= {"text": "Smoker?", "code": [{"code": "1", "system": "s" * 5000}]}
    with pytest.raises(Refused) as refused:
        fhir_reading.read_questionnaire(resource)
    assert refused.value.more["errors"][0]["rule"].startswith("Item smoker: ")


def _refused(path: str, wrong: Any) -> list[str]:
    """The fields that are refused of a questionnaire that has this at a path."""
    resource: dict[str, Any] = {"resourceType": "Questionnaire", "item": [dict(_ONE)]}
    at: Any = resource
    *way, last = path.split(".")
    for name, following in zip(way, path.split(".")[1:], strict=True):
        if name.isdigit():
            at = at[0]
        else:
            at = at.setdefault(name, [{}] if following.isdigit() else {})
    at[last] = wrong
    with pytest.raises(Refused) as refused:
        fhir_reading.read_questionnaire(resource)
    return [each["field"] for each in refused.value.more["errors"]]


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(("title", "name", "extension", "contained", "item", "url")), _JSON | _LISTS
    )
)
def test_whatever_stands_in_a_resource_it_is_read_or_refused(members: dict[str, Any]) -> None:
    try:
        reading = fhir_reading.read_questionnaire({"resourceType": "Questionnaire", **members})
    except Refused:
        return
    assert written(reading)["resourceType"] == "Questionnaire"


@pytest.mark.parametrize("wrong", [5, [5], {"url": "x"}])
def test_what_an_item_keeps_for_the_export_is_looked_at_when_it_comes_in_another_way(wrong: Any) -> None:
    with pytest.raises(Refused) as refused:
        forms.read_items([an_item("a", kept={"extension": wrong})])
    assert [each["field"] for each in refused.value.more["errors"]] == ["items.0.kept.extension"]
    with pytest.raises(Refused) as refused:
        forms.read_items([an_item("a", raw={"x": "\ud800"})])
    assert [each["field"] for each in refused.value.more["errors"]] == ["items.0.raw.x"]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(fhir_words.KIND_OF_TYPE)),
    st.dictionaries(st.sampled_from(_MEMBERS), _JSON | _LISTS),
)
def test_whatever_stands_in_an_item_it_is_read_and_equal_or_refused(
    type_: str, members: dict[str, Any]
) -> None:
    item = {"linkId": "1", "type": type_, **members}
    try:
        reading = fhir_reading.read_questionnaire({"resourceType": "Questionnaire", "item": [item]})
    except Refused:
        return
    answering.asked(reading.form, {}, None)
    forms.problems(reading.title, reading.form)
    kept = {
        name: value for name, value in item.items() if value is not None and (name, value) != ("item", [])
    }
    assert written(reading)["item"] == [kept]


@pytest.mark.skipif(not REAL, reason="set FHIR_QUESTIONNAIRES to a folder of real questionnaires")
def test_real_questionnaires_come_back_with_equal_items_and_can_be_published() -> None:
    total = equal = 0
    for path in REAL:
        resource = json.loads(path.read_text())
        reading = fhir_reading.read_questionnaire(resource)
        assert forms.problems(reading.title, reading.form) == [], path.name
        before, after = list(flat(resource["item"])), list(flat(written(reading)["item"]))
        total += len(before)
        equal += sum(one == other for one, other in zip(before, after, strict=True))
    assert equal >= 0.95 * total


def test_answers_go_out_as_a_questionnaire_response() -> None:
    form = a_form(
        an_item("s", "section", items=[an_item("age", "number", is_whole=True), an_item("empty")]),
        an_item("weight", "number", unit="kg"),
        a_choice("tools", "saw", "drill", kind="many_choice"),
        an_item("sure", "yes_no"),
        an_item("on", "date"),
        an_item("note", "note"),
    )
    answers = {"age": 40, "weight": 70.5, "tools": ["saw", "drill"], "sure": False, "on": "2026-02-28"}
    response = SimpleNamespace(
        id="1" * 32, questionnaire_id="2" * 32, number=4, person_id="3" * 32, answers=answers,
        submitted_at=datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC),
    )  # fmt: skip
    out = fhir_writing.response_of(response, form)
    assert (out["resourceType"], out["status"]) == ("QuestionnaireResponse", "completed")
    assert out["questionnaire"] == f"urn:portico:questionnaire:{'2' * 32}|4"
    assert out["item"] == [
        {"linkId": "s", "text": "Question s?", "item": [
            {"linkId": "age", "text": "Question age?", "answer": [{"valueInteger": 40}]},
        ]},
        {"linkId": "weight", "text": "Question weight?", "answer": [{"valueQuantity": {"value": 70.5, "unit": "kg"}}]},
        {"linkId": "tools", "text": "Question tools?", "answer": [
            {"valueCoding": {"code": "saw", "display": "Saw"}}, {"valueCoding": {"code": "drill", "display": "Drill"}},
        ]},
        {"linkId": "sure", "text": "Question sure?", "answer": [{"valueBoolean": False}]},
        {"linkId": "on", "text": "Question on?", "answer": [{"valueDate": "2026-02-28"}]},
    ]  # fmt: skip
    response.submitted_at = None
    assert fhir_writing.response_of(response, form)["status"] == "in-progress"
