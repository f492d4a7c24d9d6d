"""A FHIR R4 Bundle as items to publish. What is not understood is named with its place. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.contracts.errors import invalid
from services.contracts.fields import unstorable

_MOST_TOLD = 200
# Of an observation only what is settled is shown to people.
_SETTLED = ("final", "amended", "corrected")


@dataclass
class Reading:
    """The items of a bundle, and what of it was not understood: path and sentence."""

    items: list[dict[str, Any]]
    not_understood: list[dict[str, str]]


class _NotUnderstood(Exception):
    """Why a resource is not published."""


def read_bundle(bundle: Mapping[str, Any], most: int) -> Reading:
    """The items of a Bundle. Raises Refused `invalid_request` where it is none, or speaks of several people."""
    if bundle.get("resourceType") != "Bundle":
        raise invalid([("bundle.resourceType", "A FHIR R4 Bundle is expected.")])
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or len(entries) > most:
        raise invalid([("bundle.entry", f"A list of at most {most} entries is expected.")])
    if told := list(unstorable(bundle, "bundle"))[:_MOST_TOLD]:
        raise invalid(told)
    items, unread, subjects = [], [], set()
    for place, entry in enumerate(entries):
        path = f"bundle.entry.{place}.resource"
        resource = entry.get("resource") if isinstance(entry, Mapping) else None
        try:
            items.append(_item(resource))
        except _NotUnderstood as reason:
            unread.append({"field": path, "rule": str(reason)})
            continue
        of = resource.get("subject") or resource.get("patient")  # type: ignore[union-attr]  # it was read
        reference = _text(of.get("reference")) if isinstance(of, Mapping) else None
        subjects |= {reference} if reference else set()
    if len(subjects) > 1:
        raise invalid([("bundle.entry", "The entries are of several patients. Send a bundle for each.")])
    return Reading(items, unread)


def _item(resource: Any) -> dict[str, Any]:
    if not isinstance(resource, Mapping):
        raise _NotUnderstood("There is no resource.")
    kind = _text(resource.get("resourceType")) or "unknown"
    if kind not in _READERS:
        raise _NotUnderstood(f"Resources of type {kind[:60]} are not shown in portals.")
    if "modifierExtension" in resource:
        raise _NotUnderstood("A modifierExtension changes what it means, and none is understood here.")
    name = _text(resource.get("id"))
    if name is None:
        raise _NotUnderstood("It has no id, by which it could be found again.")
    own_kind, values = _READERS[kind](resource)
    found = {member: value for member, value in values.items() if value is not None}
    reference = f"{kind}/{name}"[:100]
    return {
        "kind": own_kind, "values": found, "source_reference": reference, "valid_from": None, "valid_until": None,
    }  # fmt: skip


def _observation(resource: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if resource.get("status") not in _SETTLED:
        raise _NotUnderstood("It is not final, so it is not shown to the person.")
    value, unit = _value(resource)
    shared = {
        "name": _named(resource.get("code")), "value": value, "unit": unit, "taken_on": _day(resource.get("effectiveDateTime")),
    }  # fmt: skip
    codes = {code for each in _objects(resource.get("category")) for code in _codes(each)}
    if "vital-signs" in codes:
        return "vital", shared
    ranges = [_text(each.get("text")) for each in _objects(resource.get("referenceRange"))]
    return "result", {**shared, "range": next(filter(None, ranges), None)}


def _value(resource: Mapping[str, Any]) -> tuple[str, str | None]:
    quantity = resource.get("valueQuantity")
    if isinstance(quantity, Mapping) and isinstance(quantity.get("value"), int | float):
        comparator = _text(quantity.get("comparator")) or ""
        return f"{comparator}{quantity['value']}", _text(quantity.get("unit")) or _text(quantity.get("code"))
    for name in ("valueString", "valueDateTime", "valueTime"):
        if found := _text(resource.get(name)):
            return found, None
    if isinstance(resource.get("valueInteger"), int):
        return str(resource["valueInteger"]), None
    concept = resource.get("valueCodeableConcept")
    if concept is not None:
        return _named(concept), None
    raise _NotUnderstood("It has no value that is understood here.")


def _allergy(resource: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    _require_true(resource, "verificationStatus")
    reactions = _objects(resource.get("reaction"))
    manifested = [each for one in reactions for each in _objects(one.get("manifestation"))]
    severities = [_text(each.get("severity")) for each in reactions]
    return "allergy", {
        "substance": _named(resource.get("code")),
        "reaction": ", ".join(_named(each) for each in manifested) or None,
        "severity": next(filter(None, severities), None) or _text(resource.get("criticality")),
    }


def _medication(resource: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if resource.get("status") in ("entered-in-error", "draft", "unknown"):
        raise _NotUnderstood("It does not hold, so it is not shown to the person.")
    dosages = _objects(resource.get("dosage")) or _objects(resource.get("dosageInstruction"))
    given = resource.get("effectivePeriod")
    period = given if isinstance(given, Mapping) else {}
    return "medication", {
        "name": _named(resource.get("medicationCodeableConcept")),
        "dose": next(filter(None, (_text(each.get("text")) for each in dosages)), None),
        "from_on": _day(period.get("start"))
        or _day(resource.get("effectiveDateTime") or resource.get("authoredOn")),
        "until_on": _day(period.get("end")),
    }


def _immunisation(resource: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if resource.get("status") != "completed":
        raise _NotUnderstood("It was not given, so it is not shown to the person.")
    given_on = _day(resource.get("occurrenceDateTime"))
    return "immunisation", {"vaccine": _named(resource.get("vaccineCode")), "given_on": given_on}


_READERS: Mapping[str, Callable[[Mapping[str, Any]], tuple[str, dict[str, Any]]]] = {
    "Observation": _observation,
    "AllergyIntolerance": _allergy,
    "MedicationStatement": _medication,
    "MedicationRequest": _medication,
    "Immunization": _immunisation,
}


def _require_true(resource: Mapping[str, Any], name: str) -> None:
    given = resource.get(name)
    if isinstance(given, Mapping) and {"refuted", "entered-in-error"} & set(_codes(given)):
        raise _NotUnderstood("It does not hold, so it is not shown to the person.")


def _named(concept: Any) -> str:
    """The words of a concept: its text, or what a coding calls it."""
    if isinstance(concept, Mapping):
        codings = _objects(concept.get("coding"))
        words = [
            _text(concept.get("text")),
            *(_text(each.get("display")) for each in codings),
            *_codes(concept),
        ]
        if found := next(filter(None, words), None):
            return found
    raise _NotUnderstood("What it is about has no words.")


def _codes(concept: Mapping[str, Any]) -> Iterator[str]:
    return (code for each in _objects(concept.get("coding")) if (code := _text(each.get("code"))))


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _day(value: Any) -> str | None:
    """The day of a date or time that is whole; a year or a month alone is none."""
    return value[:10] if isinstance(value, str) and len(value) >= 10 else None
