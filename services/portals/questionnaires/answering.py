"""Answers to a form: which items are asked, what is wrong with an answer, what is stored and who is told. Pure.

Answers are a mapping of an item's name to its value: a text, number, day, flag, or list of texts, as its kind has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.contracts.portals import questionnaire_form as shape
from services.portals.questionnaires.form import SILENT, as_day, as_number, by_id, walk

Answers = Mapping[str, Any]
_FILE_WORDS = {"application/pdf": "PDF", "image/jpeg": "JPEG", "image/png": "PNG"}
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "0")


def asked(form: Mapping[str, Any], answers: Answers, jurisdiction: str | None) -> list[dict[str, Any]]:
    """The items that are asked now, as a tree. What depends on an item that is not asked counts it as unanswered."""
    known, shown = by_id(form["items"]), dict[str, Any]()
    place = jurisdiction or shape.OTHER
    return list(_asked(form["items"], answers, place, known, shown))


def _asked(
    items: Sequence[Mapping[str, Any]],
    answers: Answers,
    place: str,
    known: Mapping[str, Any],
    shown: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    for item in items:
        if item["is_read_only"] or (item["jurisdictions"] and place not in item["jurisdictions"]):
            continue
        held = [
            _holds(each, known[each["item"]], shown.get(each["item"]))
            for each in item["conditions"]
            if each["item"] in known
        ]
        if held and not (any(held) if item["needs"] == shape.ANY else all(held)):
            continue
        if item["kind"] not in SILENT:
            shown[item["id"]] = answers.get(item["id"])
        within = list(_asked(item["items"], answers, place, known, shown))
        if item["kind"] == shape.SECTION and not within:
            continue
        yield {**item, "items": within}


def _holds(condition: Mapping[str, Any], item: Mapping[str, Any], answer: Any) -> bool:
    """Whether an answer is as a condition asks."""
    operator, wanted = condition["operator"], condition["value"]
    if operator == shape.ANSWERED:
        return bool((not is_empty(answer)) == (wanted == "true"))
    if is_empty(answer):
        return False
    expected = _typed(item, wanted)
    given: list[Any] = answer if isinstance(answer, list) else [answer]
    if operator in (shape.EQUAL, shape.UNEQUAL):
        return bool((expected in given) == (operator == shape.EQUAL))
    if expected is None:
        return False
    return any(_compares(operator, each, expected) for each in given)


def _compares(operator: str, given: Any, expected: Any) -> bool:
    if operator == shape.GREATER:
        return bool(given > expected)
    if operator == shape.LESS:
        return bool(given < expected)
    return bool(given >= expected if operator == shape.AT_LEAST else given <= expected)


def _typed(item: Mapping[str, Any], value: str) -> Any:
    if item["kind"] == shape.YES_NO:
        return value == "true"
    if item["kind"] in (shape.NUMBER, shape.SCALE):
        return as_number(value)
    return as_day(value) if item["kind"] == shape.DATE else value


def is_empty(answer: Any) -> bool:
    """Whether nothing was answered. No is an answer."""
    return answer is None or answer in ("", []) or (isinstance(answer, str) and not answer.strip())


def cleaned(item: Mapping[str, Any], given: Any) -> tuple[Any, str | None]:
    """An answer as its kind has it, None where there is none, and what is wrong with it. A wrong one stays as it was given."""
    if isinstance(given, list) and item["kind"] != shape.MANY_CHOICE:
        given = next((each for each in given if not is_empty(each)), None)
    if is_empty(given):
        return None, None
    return _BY_KIND[item["kind"]](item, given)


def _text(item: Mapping[str, Any], given: Any) -> tuple[Any, str | None]:
    if not isinstance(given, str):
        return str(given), None
    most = item["max_length"] or shape.LONGEST_ANSWER
    if len(given) > most:
        return given, f"At most {most} characters, and there are {len(given)}. Shorten it."
    return given.strip(), None


def _number(item: Mapping[str, Any], given: Any) -> tuple[Any, str | None]:
    number = as_number(given)
    if number is None:
        return given, "Enter a number, such as 12" + ("." if item["is_whole"] else " or 12.5.")
    if item["is_whole"] and not float(number).is_integer():
        return given, "Enter a whole number, such as 12."
    least, most = item["least"], item["most"]
    if least is not None and number < least:
        return number, f"Enter {_plain(least)} or more."
    if most is not None and number > most:
        return number, f"Enter {_plain(most)} or less."
    return number, None


def _date(_item: Mapping[str, Any], given: Any) -> tuple[Any, str | None]:
    day = as_day(given)
    return (given, "Enter a day, such as 2026-11-28.") if day is None else (day, None)


def _yes_no(_item: Mapping[str, Any], given: Any) -> tuple[Any, str | None]:
    word = str(given).strip().lower()
    if word in _YES or word in _NO:
        return word in _YES, None
    return given, "Choose yes or no."


def _choice(item: Mapping[str, Any], given: Any) -> tuple[Any, str | None]:
    return given, _unknown(item, _values(item), given)


def _many_choice(item: Mapping[str, Any], given: Any) -> tuple[Any, str | None]:
    chosen = [each for each in (given if isinstance(given, list) else [given]) if not is_empty(each)]
    chosen = list(dict.fromkeys(each if isinstance(each, str) else str(each) for each in chosen))
    if not chosen:
        return None, None
    if len(chosen) > shape.MOST_OPTIONS:
        return chosen[: shape.MOST_OPTIONS], f"Choose at most {shape.MOST_OPTIONS}."
    values = _values(item)
    for each in chosen:
        if problem := _unknown(item, values, each):
            return chosen, problem
    taken = set(chosen)
    alone = [option for option in item["options"] if option["is_exclusive"] and option["value"] in taken]
    if alone and len(chosen) > 1:
        return chosen, f"“{alone[0]['text']}” goes with no other answer. Take it or the others away."
    return chosen, None


def _values(item: Mapping[str, Any]) -> set[str]:
    return {option["value"] for option in item["options"]}


def _unknown(item: Mapping[str, Any], values: set[str], given: Any) -> str | None:
    if not isinstance(given, str):
        return "Choose one of the answers."
    if len(given) > shape.LONGEST_ANSWER:
        return f"At most {shape.LONGEST_ANSWER} characters. Shorten it."
    return None if given in values or item["is_open"] else "Choose one of the answers that are listed."


def _file(_item: Mapping[str, Any], given: Any) -> tuple[Any, str | None]:
    is_reference = isinstance(given, Mapping) and set(given) == {"file_id", "size", "media_type"}
    return given, None if is_reference else "Add the file with its own button."


_BY_KIND = {
    shape.TEXT: _text,
    shape.NUMBER: _number,
    shape.SCALE: _number,
    shape.DATE: _date,
    shape.YES_NO: _yes_no,
    shape.CHOICE: _choice,
    shape.MANY_CHOICE: _many_choice,
    shape.FILE: _file,
}


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


@dataclass(frozen=True)
class Standing:
    """How answers stand, worked out once: what is asked as a tree, what is kept when they are sent, and all that is wrong."""

    asked: list[dict[str, Any]]
    kept: dict[str, Any]
    wrong: list[tuple[str, str]]


def checked(
    form: Mapping[str, Any], answers: Answers, jurisdiction: str | None
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What is kept of answers when they are sent, and everything that is wrong with them: pairs of item and sentence.

    Answers to what is not asked are left out.
    """
    found = standing(form, answers, jurisdiction)
    return found.kept, found.wrong


def standing(form: Mapping[str, Any], answers: Answers, jurisdiction: str | None) -> Standing:
    """How answers stand."""
    known = by_id(form["items"])
    clean: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, given in answers.items():
        if name not in known or known[name]["kind"] in SILENT:
            wrong[name] = "This questionnaire does not ask this."
            continue
        value, problem = cleaned(known[name], given)
        if problem:
            wrong[name] = problem
        elif value is not None:
            clean[name] = value
    items = asked(form, clean, jurisdiction)
    kept: dict[str, Any] = {}
    found: list[tuple[str, str]] = [(name, wrong[name]) for name in wrong if name not in known]
    for _, item in walk(items):
        name = item["id"]
        if name in wrong:
            found.append((name, wrong[name]))
        elif name in clean:
            kept[name] = clean[name]
        elif item["is_required"] and item["kind"] not in SILENT:
            found.append((name, "Answer this question. It is needed."))
    return Standing(items, kept, found)


def sections(asked_items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is asked, section by section: each section of the first level, and what stands between two of them."""
    steps: list[dict[str, Any]] = []
    for item in asked_items:
        if item["kind"] == shape.SECTION:
            steps.append(
                {"title": item["text"] or None, "help": item["help"], "items": list(_rows(item["items"], 0))}
            )
        elif steps and steps[-1].get("is_loose"):
            steps[-1]["items"].extend(_rows([item], 0))
        else:
            steps.append({"title": None, "help": None, "is_loose": True, "items": list(_rows([item], 0))})
    return [{name: value for name, value in step.items() if name != "is_loose"} for step in steps]


def _rows(items: Sequence[Mapping[str, Any]], depth: int) -> Iterator[dict[str, Any]]:
    for item in items:
        own = {
            name: value
            for name, value in item.items()
            if name not in ("items", "kept", "raw", "jurisdictions")
        }
        yield own | {"depth": depth}
        yield from _rows(item["items"], depth + 1)


def observations(form: Mapping[str, Any], answers: Answers) -> list[dict[str, Any]]:
    """What answers are stored as: the code of each, with its value as a text, number, flag or day (S2-107)."""
    return list(_observations(form, answers))


def _observations(form: Mapping[str, Any], answers: Answers) -> Iterator[dict[str, Any]]:
    for _, item in walk(form["items"]):
        answer = answers.get(item["id"])
        if item["observation"] is None or is_empty(answer) or item["kind"] == shape.FILE:
            continue
        options = {option["value"]: option for option in reversed(item["options"])}
        for each in answer if isinstance(answer, list) else [answer]:
            option = options.get(each)
            yield {
                "item": item["id"],
                "system": item["observation"]["system"],
                "code": item["observation"]["code"],
                "name": item["observation"]["name"] or item["text"],
                "kind": item["kind"],
                "value": (option["stored_as"] or option["text"]) if option else each,
                "value_code": option["value"] if option else None,
                "score": option["score"] if option else None,
                "unit": item["unit"],
            }


def departments(form: Mapping[str, Any], answers: Answers) -> list[dict[str, str]]:
    """The departments that are told of these answers, each once for an item (S2-136)."""
    known = by_id(form["items"])
    told = dict[tuple[str, str], None]()
    for notice in form["notices"]:
        item = known.get(notice["item"])
        if item is not None and _holds(notice, item, answers.get(notice["item"])):
            told[notice["department"], notice["item"]] = None
    return [{"department": department, "item": item} for department, item in told]


def shown(form: Mapping[str, Any], answers: Answers) -> list[dict[str, Any]]:
    """Questions with their answers in words, in their order, for whoever reads them."""
    return [
        {
            "item": item["id"],
            "section": None if item["kind"] != shape.SECTION else item["text"],
            "question": item["text"],
            "kind": item["kind"],
            "answer": None if item["kind"] in SILENT else _in_words(item, answers.get(item["id"])),
            "file": _file_shown(number, item, answers),
        }
        for number, (_, item) in enumerate(walk(form["items"]), 1)
        if (item["kind"] == shape.SECTION and _is_answered(item, answers))
        or not is_empty(answers.get(item["id"]))
    ]


def _is_answered(section: Mapping[str, Any], answers: Answers) -> bool:
    return any(not is_empty(answers.get(item["id"])) for _, item in walk(section["items"]))


def _file_shown(number: int, item: Mapping[str, Any], answers: Answers) -> dict[str, Any] | None:
    given = answers.get(item["id"]) if item["kind"] == shape.FILE else None
    return None if given is None else file_shown(number, given)


def file_shown(number: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """A file as the contract's FileAnswer; `number` is that of its question."""
    return {"question": number, "media_type": given["media_type"], "size": given["size"]}


def file_question(form: Mapping[str, Any], number: int) -> Mapping[str, Any] | None:
    """The item with this number among all items, from 1, if it is answered by a file."""
    item = next((item for at, (_, item) in enumerate(walk(form["items"]), 1) if at == number), None)
    return item if item is not None and item["kind"] == shape.FILE and not item["is_read_only"] else None


def number_of(form: Mapping[str, Any], name: str) -> int | None:
    """The number of an item among all items, from 1."""
    return next((at for at, (_, item) in enumerate(walk(form["items"]), 1) if item["id"] == name), None)


def without_files(form: Mapping[str, Any]) -> dict[str, Any]:
    """The form without questions that are answered by a file, for those who have not signed in."""
    return {**form, "items": _without_files(form["items"])}


def _without_files(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**item, "items": _without_files(item["items"])} for item in items if item["kind"] != shape.FILE]


def _in_words(item: Mapping[str, Any], given: Any) -> Any:
    # A draft has answers as they were given; whoever reads them sees what they count as.
    answer, _ = cleaned(item, given)
    if item["kind"] == shape.FILE:
        return f"{_FILE_WORDS.get(answer['media_type'], 'File')}, {max(1, round(answer['size'] / 1000))} kB"
    texts: dict[Any, str] = {option["value"]: option["text"] for option in item["options"]}
    if isinstance(answer, list):
        return ", ".join(texts.get(each, str(each)) for each in answer)
    if isinstance(answer, str):
        return texts.get(answer, answer)
    return answer
