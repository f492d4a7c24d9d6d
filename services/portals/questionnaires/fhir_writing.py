"""Forms as FHIR R4 Questionnaire, and answers as QuestionnaireResponse. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.contracts.portals import questionnaire_form as shape
from services.portals.questionnaires import fhir_words as words
from services.portals.questionnaires.answering import is_empty
from services.portals.questionnaires.form import as_day, by_id, walk

_STATUS = {"draft": "draft", "published": "active", "retired": "retired"}


def questionnaire_of(
    questionnaire_id: str, title: str, state: str, number: int | None, form: Mapping[str, Any]
) -> dict[str, Any]:
    """A form as a Questionnaire. What an import kept stands beside what the form says."""
    resource = {**form["kept"], "resourceType": "Questionnaire", "id": questionnaire_id, "title": title}
    resource["status"] = _STATUS[state]
    if number is not None:
        resource["version"] = str(number)
    if form["instructions"]:
        resource["description"] = form["instructions"]
    resource["item"] = items_of(form["items"])
    return resource


def items_of(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Items as a Questionnaire has them."""
    known = by_id(items)
    return [_item(each, known) for each in items]


def _item(item: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    written = plain_item(item, known) | item["raw"]
    within = [_item(each, known) for each in item["items"]]
    return {name: value for name, value in written.items() if value is not None} | (
        {"item": within} if within else {}
    )


def plain_item(item: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """One item without those within it, as its members say it. `known` are all items by name."""
    kind = item["kind"]
    kept = dict(item["kept"])
    extensions = [*_extensions(item), *kept.pop("extension", ())]
    written: dict[str, Any] = {"linkId": item["id"], "type": _type(item), **kept}
    said = {
        "prefix": item["prefix"],
        "text": item["text"],
        "required": item["is_required"],
        "readOnly": item["is_read_only"],
        "repeats": kind == shape.MANY_CHOICE,
        "maxLength": item["max_length"],
        "answerOption": [_option(each) for each in item["options"]],
        "extension": extensions,
    }
    written |= {name: value for name, value in said.items() if value}
    if item["observation"]:
        written["code"] = [_coding(item["observation"])]
    if item["conditions"]:
        written["enableWhen"] = [
            {"question": each["item"], "operator": each["operator"], **_answer_of_condition(each, known)}
            for each in item["conditions"]
        ]
        if item["needs"] == shape.ANY or len(item["conditions"]) > 1:
            written["enableBehavior"] = item["needs"]
    return written


def _type(item: Mapping[str, Any]) -> str:
    kind = item["kind"]
    if kind == shape.TEXT:
        return "text" if item["is_long"] else "string"
    if kind == shape.NUMBER and item["unit"]:
        return "quantity"
    if kind in (shape.NUMBER, shape.SCALE):
        return "integer" if item["is_whole"] else "decimal"
    if kind in (shape.CHOICE, shape.MANY_CHOICE):
        return "open-choice" if item["is_open"] else "choice"
    return {
        shape.DATE: "date",
        shape.YES_NO: "boolean",
        shape.FILE: "attachment",
        shape.SECTION: "group",
        shape.NOTE: "display",
    }[kind]


def _extensions(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if item["kind"] == shape.SCALE and not any(
        each.get("url") == words.CONTROL for each in item["kept"].get("extension", ())
    ):
        control = {"system": words.CONTROLS, "code": "slider"}
        yield {"url": words.CONTROL, "valueCodeableConcept": {"coding": [control]}}
    for url, limit in ((words.LEAST, item["least"]), (words.MOST, item["most"])):
        if limit is not None:
            yield {"url": url, **_number(limit, is_whole=item["is_whole"])}
    if item["unit"] and item["kind"] in (shape.NUMBER, shape.SCALE):
        yield {"url": words.UNIT, "valueCoding": {"display": item["unit"]}}


def _number(value: float, *, is_whole: bool) -> dict[str, Any]:
    return {"valueInteger": int(value)} if is_whole else {"valueDecimal": value}


def _option(option: Mapping[str, Any]) -> dict[str, Any]:
    coding = {"system": option["system"], "code": option["value"], "display": option["text"]}
    extensions: list[dict[str, Any]] = []
    if option["score"] is not None:
        score = option["score"]
        extensions.append(
            {"url": words.SCORE, "valueDecimal": int(score) if float(score).is_integer() else score}
        )
    if option["is_exclusive"]:
        extensions.append({"url": words.EXCLUSIVE, "valueBoolean": True})
    written: dict[str, Any] = {
        "valueCoding": {name: value for name, value in coding.items() if value is not None}
    }
    return written | ({"extension": extensions} if extensions else {})


def _coding(observation: Mapping[str, Any]) -> dict[str, Any]:
    written = {"system": observation["system"], "code": observation["code"], "display": observation["name"]}
    return {name: value for name, value in written.items() if value is not None}


def _answer_of_condition(condition: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    value = condition["value"]
    item = known.get(condition["item"])
    if condition["operator"] == shape.ANSWERED or (item and item["kind"] == shape.YES_NO):
        return {"answerBoolean": value == "true"}
    if item is None:
        return {"answerString": value}
    return {f"answer{name}": written for name, written in _value(item, value).items()}


def _value(item: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """A value in the type of an item: the type's name, and the value."""
    kind = item["kind"]
    if kind in (shape.CHOICE, shape.MANY_CHOICE):
        return _chosen(item, value)
    if kind in (shape.NUMBER, shape.SCALE):
        return _counted(item, float(value))
    if kind == shape.DATE:
        return {"Date": as_day(value) or value}
    if kind == shape.FILE:
        return {"Attachment": {**value, "title": item["text"][:255]}}
    return {"Boolean" if kind == shape.YES_NO else "String": value}


def _chosen(item: Mapping[str, Any], value: str) -> dict[str, Any]:
    option = next((each for each in item["options"] if each["value"] == value), None)
    if option is None:
        return {"String": value}
    coding = {"system": option["system"], "code": option["value"], "display": option["text"]}
    return {"Coding": {name: each for name, each in coding.items() if each is not None}}


def _counted(item: Mapping[str, Any], number: float) -> dict[str, Any]:
    plain = int(number) if number.is_integer() else number
    if item["unit"] and item["kind"] == shape.NUMBER:
        return {"Quantity": {"value": plain, "unit": item["unit"]}}
    return {"Integer": int(number)} if item["is_whole"] else {"Decimal": plain}


def response_of(response: Any, form: Mapping[str, Any]) -> dict[str, Any]:
    """Answers as a QuestionnaireResponse. `response` has id, questionnaire_id, number, person_id, submitted_at, answers."""
    is_done = response.submitted_at is not None
    written: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse",
        "id": response.id,
        "questionnaire": f"urn:portico:questionnaire:{response.questionnaire_id}|{response.number}",
        "status": "completed" if is_done else "in-progress",
        "subject": {"identifier": {"system": "urn:portico:person", "value": response.person_id}},
        "item": list(_answered(form["items"], _with_attachments(response, form))),
    }
    if is_done:
        written["authored"] = response.submitted_at.isoformat()
    return {name: value for name, value in written.items() if value != []}


def _with_attachments(response: Any, form: Mapping[str, Any]) -> dict[str, Any]:
    """The answers, each file as an Attachment whose bytes are read under `url`, with the access of this resource."""
    attached = dict(response.answers)
    for number, (_, item) in enumerate(walk(form["items"]), 1):
        if item["kind"] == shape.FILE and (given := attached.get(item["id"])) is not None:
            url = f"/v1/questionnaire-responses/{response.id}/files/{number}"
            attached[item["id"]] = {"contentType": given["media_type"], "size": given["size"], "url": url}
    return attached


def _answered(items: Sequence[Mapping[str, Any]], answers: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in items:
        answer = answers.get(item["id"])
        within = list(_answered(item["items"], answers))
        if is_empty(answer) and not within:
            continue
        written: dict[str, Any] = {"linkId": item["id"]}
        if item["text"]:
            written["text"] = item["text"]
        if not is_empty(answer):
            given = answer if isinstance(answer, list) else [answer]
            written["answer"] = [
                {f"value{name}": value for name, value in _value(item, each).items()} for each in given
            ]
        if within and "answer" in written:
            written["answer"][0]["item"] = within
        elif within:
            written["item"] = within
        yield written
