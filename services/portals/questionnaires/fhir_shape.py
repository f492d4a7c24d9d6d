"""What a FHIR R4 Questionnaire has to be made of before it is read: texts, objects and lists in their places. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from services.contracts.fields import unstorable

Problems = Iterator[tuple[str, str]]
Check = Callable[[Any, str], Problems]


def _text(value: Any, path: str) -> Problems:
    if not isinstance(value, str):
        yield path, "A text is expected."


def _number(value: Any, path: str) -> Problems:
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield path, "A number is expected."


def _object(members: Mapping[str, Check]) -> Check:
    def check(value: Any, path: str) -> Problems:
        if not isinstance(value, Mapping):
            yield path, "An object is expected."
            return
        for name, rule in members.items():
            if name in value:
                yield from rule(value[name], f"{path}.{name}")

    return check


def _list(of: Check, what: str = "objects") -> Check:
    def check(value: Any, path: str) -> Problems:
        if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
            yield path, f"A list of {what} is expected."
            return
        for place, each in enumerate(value):
            yield from of(each, f"{path}.{place}")

    return check


_CODING = _object({"system": _text, "code": _text, "display": _text})
_QUANTITY = _object({"value": _number, "unit": _text, "system": _text, "code": _text})
_VALUES = {
    "Coding": _CODING,
    "String": _text,
    "Date": _text,
    "DateTime": _text,
    "Time": _text,
    "Integer": _number,
    "Decimal": _number,
    "Quantity": _QUANTITY,
}
_EXTENSION = _object(
    {"url": _text, "valueCodeableConcept": _object({"coding": _list(_CODING)})}
    | {f"value{name}": check for name, check in _VALUES.items()}
)
_OPTION = _object(
    {"extension": _list(_EXTENSION)} | {f"value{name}": check for name, check in _VALUES.items()}
)
_WHEN = _object(
    {"question": _text, "operator": _text} | {f"answer{name}": check for name, check in _VALUES.items()}
)
_CONCEPT = _object({"system": _text, "code": _text, "display": _text})
_CONTAINED = _object(
    {
        "resourceType": _text,
        "id": _text,
        "url": _text,
        "compose": _object({"include": _list(_object({"system": _text, "concept": _list(_CONCEPT)}))}),
        "expansion": _object({"contains": _list(_CONCEPT)}),
    }
)
_RESOURCE = _object(
    {"title": _text, "name": _text, "description": _text, "extension": _list(_EXTENSION)}
    | {"contained": _list(_CONTAINED)}
)
extensions: Check = _list(_EXTENSION)
item: Check = _object(
    dict.fromkeys(("text", "prefix", "answerValueSet", "enableBehavior"), _text)
    | {"answerOption": _list(_OPTION), "enableWhen": _list(_WHEN), "code": _list(_CODING)}
    | {"extension": extensions}
)


def problems(resource: Mapping[str, Any]) -> Problems:
    """Where a text cannot be stored, and where something beside the items is not what FHIR says."""
    yield from unstorable(resource, "resource")
    yield from _RESOURCE(resource, "resource")


def of_kept(item: Mapping[str, Any], path: str) -> Problems:
    """What is wrong with what an item keeps of a resource: the export writes it as it stands here."""
    for name in ("kept", "raw"):
        yield from unstorable(item[name], f"{path}.{name}")
    yield from _object({"extension": extensions})(item["kept"], f"{path}.kept")
