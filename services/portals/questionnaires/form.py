"""The form of a questionnaire: a tree of items as JSON, read, changed and checked. Pure.

Every function that changes a form answers with a new one and leaves the old as it is.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError

from services.contracts.errors import Refused, invalid
from services.contracts.portals import questionnaire_form as shape
from services.portals.questionnaires import fhir_shape

EMPTY: dict[str, Any] = {
    "instructions": None,
    "variants": [],
    "needs_supervisor_review": False,
    "supervisor_orders": [],
    "notices": [],
    "items": [],
    "kept": {},
}
# Items that are not answered themselves.
SILENT = (shape.SECTION, shape.NOTE)
_CHOICES = (shape.CHOICE, shape.MANY_CHOICE)
_NUMBERS = (shape.NUMBER, shape.SCALE)
_ORDERED = (shape.GREATER, shape.LESS, shape.AT_LEAST, shape.AT_MOST)
_TRUTH = ("true", "false")
_LARGEST_SCALE = 100
_ITEM = shape.Item()
_NO_ITEM = "There is no such item in the draft. Read it again."


def read_items(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A tree of items, each as the contract's Item. Raises Refused `invalid_request` with every problem and its path."""
    problems: list[tuple[str, str]] = []
    items = _read(given, "items", 1, problems)
    if not problems:
        problems = list(_shape_problems(items))
    if problems:
        raise invalid(problems)
    return items


def _read(given: Any, path: str, depth: int, problems: list[tuple[str, str]]) -> list[dict[str, Any]]:
    if depth > shape.DEEPEST:
        problems.append((path, f"Sections are at most {shape.DEEPEST} deep. Move these items up."))
        return []
    read = []
    for place, each in enumerate(given):
        where = f"{path}.{place}"
        try:
            item = dict(_ITEM.load(dict(each)))
        except ValidationError as error:
            problems.extend(_told(error.normalized_messages(), where))
            within = each.get("items") if isinstance(each, Mapping) else None
            if isinstance(within, list) and all(isinstance(one, Mapping) for one in within):
                _read(within, f"{where}.items", depth + 1, problems)
            continue
        problems.extend(fhir_shape.of_kept(item, where))
        item["options"] = named_options(item["options"])
        item["items"] = _read(item["items"], f"{where}.items", depth + 1, problems)
        read.append(item)
    return read


def _told(messages: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(messages, Mapping):
        for name, within in messages.items():
            yield from _told(within, path if name == "_schema" else f"{path}.{name}")
    else:
        for rule in messages if isinstance(messages, list) else [messages]:
            yield path, str(rule)


def _shape_problems(items: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """What no draft may have: names twice, too many items."""
    seen: set[str] = set()
    for path, item in walk(items):
        if item["id"] in seen:
            yield f"{path}.id", "Another item has this name. Give each item a name of its own."
        seen.add(item["id"])
    if len(seen) > shape.MOST_ITEMS:
        yield "items", f"A questionnaire has at most {shape.MOST_ITEMS} items, and there are {len(seen)}."


def walk(items: Sequence[Mapping[str, Any]], path: str = "items") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every item with its path, in the order in which they are asked."""
    for place, item in enumerate(items):
        yield f"{path}.{place}", item
        yield from walk(item["items"], f"{path}.{place}.items")


def by_id(items: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Every item by its name."""
    return {item["id"]: item for _, item in walk(items)}


def flat(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every item without those within it, with its path, depth and section, in the order in which they are asked."""
    return list(_flat(items, "items", 0, None))


def _flat(
    items: Sequence[Mapping[str, Any]], path: str, depth: int, parent: str | None
) -> Iterator[dict[str, Any]]:
    for place, item in enumerate(items):
        where = f"{path}.{place}"
        own = {name: value for name, value in item.items() if name not in ("items", "kept", "raw")}
        yield own | {
            "path": where,
            "depth": depth,
            "parent": parent,
            "is_first": place == 0,
            "is_last": place == len(items) - 1,
        }
        yield from _flat(item["items"], f"{where}.items", depth + 1, item["id"])


def with_item(
    items: Sequence[Mapping[str, Any]], name: str | None, parent: str | None, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The items with another at the end, or at the end of a section. Raises Refused `invalid_request`."""
    fresh = _copied(items)
    known = by_id(fresh)
    item = {"id": name or _free_name(known), "kept": {}, "raw": {}, "items": [], **values}
    item["options"] = named_options(item["options"])
    if parent is None:
        fresh.append(item)
    elif parent not in known:
        raise invalid([("parent", "There is no such section in the draft. Read it again.")])
    elif known[parent]["kind"] == shape.NOTE:
        raise invalid([("parent", "A note holds no items. Choose a section.")])
    else:
        known[parent]["items"].append(item)
    if problems := list(_shape_problems(fresh)) + list(_depth_problems(fresh)):
        raise invalid([("item", rule) for _, rule in problems])
    return fresh


def with_values(
    items: Sequence[Mapping[str, Any]], name: str, values: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The items, one with other values. Raises Refused `not_found`."""
    fresh = _copied(items)
    found = _found(fresh, name)
    # How FHIR said it before is no longer true.
    found.update({**values, "options": named_options(values["options"]), "raw": {}})
    return fresh


def named_options(options: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Answers to choose, each with a value: its own, or one from its text."""
    taken = {each["value"] for each in options if each["value"]}
    named = []
    for each in options:
        value = each["value"]
        if not value:
            plain = re.sub(r"[^a-z0-9]+", "-", each["text"].lower()).strip("-")[:80] or "answer"
            others = (f"{plain}-{number}" for number in range(2, len(options) + 2))
            value = next(name for name in (plain, *others) if name not in taken)
            taken.add(value)
        named.append({**each, "value": value})
    return named


def without_item(items: Sequence[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """The items without one and those within it. Raises Refused `not_found`."""
    fresh = _copied(items)
    neighbours, place = _place(fresh, name)
    del neighbours[place]
    return fresh


def moved(items: Sequence[Mapping[str, Any]], name: str, step: int) -> list[dict[str, Any]]:
    """The items, one a step further up (-1) or down (1) among its neighbours. Raises Refused `not_found`."""
    fresh = _copied(items)
    neighbours, place = _place(fresh, name)
    to = place + step
    if 0 <= to < len(neighbours):
        neighbours[place], neighbours[to] = neighbours[to], neighbours[place]
    return fresh


def _copied(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The tree anew. What an item says is shared with the old one: it is replaced as a whole, and never changed."""
    return [{**item, "items": _copied(item["items"])} for item in items]


def _found(items: Sequence[Mapping[str, Any]], name: str) -> Any:
    found = by_id(items).get(name)
    if found is None:
        raise Refused("not_found", _NO_ITEM, "item")
    return found


def _place(items: list[dict[str, Any]], name: str) -> tuple[list[dict[str, Any]], int]:
    for place, item in enumerate(items):
        if item["id"] == name:
            return items, place
        try:
            return _place(item["items"], name)
        except Refused:
            continue
    raise Refused("not_found", _NO_ITEM, "item")


def too_much(form: Mapping[str, Any]) -> str | None:
    """Why a form is too much to work with on every answer, None if it is not."""
    conditions = sum(len(item["conditions"]) for _, item in walk(form["items"]))
    if conditions > shape.MOST_CONDITIONS:
        return f"A questionnaire has at most {shape.MOST_CONDITIONS} conditions, and there are {conditions}. Make two of it."
    options = sum(len(item["options"]) for _, item in walk(form["items"]))
    if options > shape.MOST_OPTIONS_IN_ALL:
        return f"A questionnaire has at most {shape.MOST_OPTIONS_IN_ALL} answers to choose, and there are {options}. Make two of it."
    return None


def _free_name(known: Mapping[str, Any]) -> str:
    return next(name for name in (f"q{number}" for number in range(1, len(known) + 2)) if name not in known)


def _depth_problems(items: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for path, _ in walk(items):
        if path.count("items") > shape.DEEPEST:
            yield path, f"Sections are at most {shape.DEEPEST} deep. Add this one further up."


def problems(title: str, form: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Everything that has to be mended before a form can be published: pairs of the member's path and a sentence."""
    return list(_problems(title, form))


def _problems(title: str, form: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not title.strip():
        yield "title", "A questionnaire needs a title."
    known = by_id(form["items"])
    if all(item["kind"] in SILENT for item in known.values()):
        yield "items", "There is no question yet. Add one."
    files = sum(item["kind"] == shape.FILE for item in known.values())
    if files > shape.MOST_FILES:
        yield "items", f"A questionnaire asks for at most {shape.MOST_FILES} files, and there are {files}."
    codes = [each["code"] for each in form["variants"]]
    for place, code in enumerate(codes):
        if code in codes[:place] or code == shape.OTHER:
            yield f"variants.{place}.code", "This code is taken. Each variant has a code of its own."
    earlier: set[str] = set()
    for path, item in walk(form["items"]):
        yield from _item_problems(path, item)
        yield from _condition_problems(path, item, known, earlier)
        for code in item["jurisdictions"]:
            if code not in (*codes, shape.OTHER):
                yield (
                    f"{path}.jurisdictions",
                    f"{code} is no variant of this questionnaire. Add the variant first.",
                )
        earlier.add(item["id"])
    for place, notice in enumerate(form["notices"]):
        yield from _comparison_problems(f"notices.{place}", notice, known)


def _item_problems(path: str, item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind = item["kind"]
    if not item["text"] and kind != shape.SECTION:
        yield f"{path}.text", "Say what is asked."
    if kind in _CHOICES:
        if not item["options"] and not item["is_open"]:
            yield f"{path}.options", "There is nothing to choose. Add answers, or allow own words."
        taken: set[str] = set()
        for place, option in enumerate(item["options"]):
            if option["value"] in taken:
                yield f"{path}.options.{place}.value", "This value is there already. Each answer has its own."
            taken.add(option["value"])
    if kind in _NUMBERS:
        yield from _limit_problems(path, item)
    if kind == shape.NOTE and item["items"]:
        yield f"{path}.items", "A note holds no items. Make it a section."
    if kind in SILENT and item["observation"]:
        yield f"{path}.observation", "Only an answer can be stored. Take the code away."


def _limit_problems(path: str, item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    least, most = item["least"], item["most"]
    if least is not None and most is not None and least > most:
        yield f"{path}.most", "The most is below the least. Turn them round."
    elif item["kind"] == shape.SCALE and (least is None or most is None):
        yield f"{path}.most", "A scale needs its least and its most."
    elif item["kind"] == shape.SCALE and most - least > _LARGEST_SCALE:
        yield f"{path}.most", f"A scale has at most {_LARGEST_SCALE} steps. Ask for a number instead."


def _condition_problems(
    path: str, item: Mapping[str, Any], known: Mapping[str, Any], earlier: set[str]
) -> Iterator[tuple[str, str]]:
    for place, condition in enumerate(item["conditions"]):
        where = f"{path}.conditions.{place}"
        yield from _comparison_problems(where, condition, known)
        if condition["item"] in known and condition["item"] not in earlier:
            yield f"{where}.item", "This is asked later. A question can only depend on an earlier one."


def _comparison_problems(
    path: str, condition: Mapping[str, Any], known: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    item = known.get(condition["item"])
    if item is None:
        yield f"{path}.item", "There is no such question."
        return
    if item["kind"] in SILENT:
        yield f"{path}.item", "This is not answered, so nothing can depend on it."
        return
    kind, operator, value = item["kind"], condition["operator"], condition["value"]
    if operator == shape.ANSWERED:
        if value not in _TRUTH:
            yield f"{path}.value", "Say true (it is answered) or false (it is not)."
    elif operator in _ORDERED and kind not in (*_NUMBERS, shape.DATE):
        yield f"{path}.operator", "Only numbers and dates are greater or less. Choose = or !=."
    elif kind == shape.FILE:
        yield f"{path}.operator", "Of a file it is only known whether there is one. Choose: is answered."
    else:
        yield from _value_problems(f"{path}.value", item, value)


def _value_problems(path: str, item: Mapping[str, Any], value: str) -> Iterator[tuple[str, str]]:
    kind = item["kind"]
    if kind == shape.YES_NO and value not in _TRUTH:
        yield path, "Say true for yes or false for no."
    elif kind in _NUMBERS and as_number(value) is None:
        yield path, "Say a number such as 3 or 2.5."
    elif kind == shape.DATE and as_day(value) is None:
        yield path, "Say a day such as 2026-11-28."
    elif kind in _CHOICES and not item["is_open"]:
        values = [option["value"] for option in item["options"]]
        if value not in values:
            yield path, f"This is none of the answers: {', '.join(values[:20])}."


_NUMBER = re.compile(r"[+-]?\d{1,15}([.,]\d{1,10})?")


def as_number(value: Any) -> int | float | None:
    """A number from what somebody wrote, None if it is none. A comma is a point."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value if math.isfinite(value) else None
    if not isinstance(value, str) or not _NUMBER.fullmatch(value.strip()):
        return None
    number = float(value.strip().replace(",", "."))
    return int(number) if number.is_integer() else number


def as_day(value: Any) -> str | None:
    """A day as ISO 8601, None if it is none."""
    try:
        return datetime.date.fromisoformat(value).isoformat() if isinstance(value, str) else None
    except ValueError:
        return None
