"""Answers of a draft: what is given joins what is there, and how far each section is. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from services.contracts.errors import invalid
from services.contracts.portals import questionnaire_form as shape
from services.contracts.portals import responses as contract
from services.portals.questionnaires import answering
from services.portals.questionnaires.answering import Standing
from services.portals.questionnaires.form import SILENT, by_id

Given = Sequence[Mapping[str, Any]]
# Of all answers as JSON. Every save answers with all of them, twice.
MOST_BYTES = 150_000


def joined(form: Mapping[str, Any], answers: Mapping[str, Any], given: Given) -> dict[str, Any]:
    """The answers with those that are given. An empty one takes the answer away."""
    known, kept = by_id(form["items"]), dict(answers)
    for each in given:
        if each["item"] in known:
            value = _value(known[each["item"]], each)
            if answering.is_empty(value):
                kept.pop(each["item"], None)
            else:
                kept[each["item"]] = value
    return kept


def require_room(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raise Refused `invalid_request` where answers grow beyond what can be shown to anybody."""
    size = len(orjson.dumps(after))
    if size > MOST_BYTES and size > len(orjson.dumps(before)):
        told = f"All answers together have at most {MOST_BYTES // 1000} kB, and these have {size // 1000}. Shorten them."
        raise invalid([("answers", told)])


def _value(item: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    own_words = given["own_words"] if item["is_open"] else None
    if item["kind"] != shape.MANY_CHOICE:
        return given["answer"] if own_words is None else own_words
    chosen = given.get("answers")
    if chosen is None:
        chosen = [] if given["answer"] is None else [given["answer"]]
    return [*(each for each in chosen if not answering.is_empty(each)), *([own_words] if own_words else [])]


def unknown(form: Mapping[str, Any], given: Given) -> Iterator[tuple[str, str]]:
    """Where something is answered that this questionnaire does not ask."""
    known = by_id(form["items"])
    for place, each in enumerate(given):
        item = known.get(each["item"])
        if item is None or item["kind"] in (*SILENT, shape.FILE):
            yield f"answers.{place}.item", "This questionnaire does not ask this. Read it again."


def wrong(
    form: Mapping[str, Any],
    standing: Standing,
    given: Given,
    section: Mapping[str, Any] | None,
) -> Iterator[tuple[str, str]]:
    """Everything that is wrong with what is given, and with the rest of the section as it was: pairs of path and sentence."""
    told = dict(standing.wrong)
    known = by_id(form["items"])
    named = set()
    for place, each in enumerate(given):
        named.add(each["item"])
        if each["item"] in told:
            several = known[each["item"]]["kind"] == shape.MANY_CHOICE
            yield f"answers.{place}.{'answers' if several else 'answer'}", told[each["item"]]
    for item in section["items"] if section else ():
        if item["id"] in told and item["id"] not in named:
            yield f"answers.{item['id']}", told[item["id"]]


def steps_of(standing: Standing, answers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sections with their questions, numbered from 1, and answers as they count; a wrong one is as it was given."""
    now = {**answers, **standing.kept}
    return [
        {
            **step,
            "number": number,
            "items": [item | {"answer": now.get(item["id"])} for item in step["items"]],
        }
        for number, step in enumerate(answering.sections(standing.asked), 1)
    ]


def problems_of(standing: Standing, steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Everything that is wrong with the answers, with the section in which it is asked."""
    places = {item["id"]: (step["number"], item["text"]) for step in steps for item in step["items"]}
    found = []
    for item, rule in standing.wrong:
        section, question = places.get(item, (1, ""))
        found.append({"item": item, "section": section, "question": question, "rule": rule})
    return found


def progress(
    steps: Sequence[Mapping[str, Any]], problems: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """How far each section is."""
    wrong = Counter(each["section"] for each in problems)
    return [_progress(step, wrong[step["number"]]) for step in steps]


def _progress(step: Mapping[str, Any], problems: int) -> dict[str, Any]:
    asked = [item for item in step["items"] if item["kind"] not in SILENT]
    return {
        "number": step["number"],
        "title": step["title"],
        "asked": len(asked),
        "answered": sum(not answering.is_empty(item["answer"]) for item in asked),
        "problems": problems,
    }


def next_step(
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    section: int | None,
    *,
    is_leaving: bool,
) -> str:
    """What comes after a section was saved: the same again where more is asked in it now, the next, or the check of all."""
    if is_leaving:
        return contract.SAVED
    if section is None or section > len(before):
        return contract.REVIEW
    was = {item["id"] for item in before[section - 1]["items"]}
    at = next((step for step in after if was & {item["id"] for item in step["items"]}), None)
    if at is not None and {item["id"] for item in at["items"]} - was:
        return f"sections/{at['number']}"
    following = section + 1 if at is None else at["number"] + 1
    return f"sections/{following}" if following <= len(after) else contract.REVIEW
