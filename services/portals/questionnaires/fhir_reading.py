"""A FHIR R4 Questionnaire as a form. What has no effect here is kept for the export, and named. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.contracts.errors import Refused, invalid
from services.contracts.fields import can_be_stored
from services.contracts.portals import questionnaire_form as shape
from services.portals.questionnaires import fhir_shape
from services.portals.questionnaires import fhir_words as words
from services.portals.questionnaires import form as forms
from services.portals.questionnaires.fhir_writing import plain_item

# Members of an item that become members of ours.
_READ = {
    "linkId", "type", "text", "prefix", "required", "readOnly", "repeats", "maxLength", "answerOption", "answerValueSet",
    "enableWhen", "enableBehavior", "code", "item", "extension",
}  # fmt: skip
_LONGEST_LINK = 100
_MOST_TOLD = 200  # problems; of a file that is no questionnaire, each line is one
# What our members are called in a resource.
_SAID_AS = {
    "items": "item", "id": "linkId", "options": "answerOption", "conditions": "enableWhen", "observation": "code",
    "max_length": "maxLength", "least": "extension", "most": "extension", "unit": "extension", "help": "extension",
}  # fmt: skip
_OWN = {"resourceType", "id", "title", "status", "description", "item"}


@dataclass
class Reading:
    """What was read: the title, the form, and what has no effect here."""

    title: str
    form: dict[str, Any]
    not_supported: list[dict[str, str]]


@dataclass
class _Reader:
    sets: Mapping[str, Any]
    types: Mapping[str, Mapping[str, Any]]
    told: list[dict[str, str]] = field(default_factory=list)

    def tell(self, path: str, what: str) -> None:
        """Name something that has no effect."""
        self.told.append({"path": path, "what": what})


def read_questionnaire(resource: Mapping[str, Any]) -> Reading:
    """The form of a Questionnaire. Raises Refused `invalid_request` with every problem and its path in the resource."""
    if resource.get("resourceType") != "Questionnaire":
        raise invalid([("resource.resourceType", "A FHIR R4 Questionnaire is expected.")])
    said = resource.get("item", [])
    if problems := [*fhir_shape.problems(resource), *_problems(said, "resource.item", 1)]:
        raise invalid([(path, _of_item(resource, path, rule)) for path, rule in problems[:_MOST_TOLD]])
    reader = _Reader(_sets(resource), {each["linkId"]: each for each in _every(said)})
    items = [_item(reader, each, f"resource.item.{place}") for place, each in enumerate(said)]
    try:
        items = forms.read_items(items)
    except Refused as refusal:
        told = [(_path_in_resource(each["field"]), each["rule"]) for each in refusal.more["errors"]]
        raise invalid([(path, _of_item(resource, path, rule)) for path, rule in told]) from None
    _keep_as_said(items, reader.types)
    kept = {name: value for name, value in resource.items() if name not in _OWN}
    for each in kept.get("extension", ()):
        reader.tell("resource.extension", words.WITHOUT_EFFECT.get(str(each.get("url")), _unknown(each)))
    if "modifierExtension" in kept:
        reader.tell(
            "resource.modifierExtension", "It changes what the questionnaire means, and has no effect here."
        )
    title = (resource.get("title") or resource.get("name") or "").strip()[:200] or "Imported questionnaire"
    instructions = (resource.get("description") or "").strip()[:4000] or None
    form = {**forms.EMPTY, "instructions": instructions, "items": items, "kept": kept}
    return Reading(title, form, reader.told)


def _path_in_resource(path: str) -> str:
    return ".".join(("resource", *(_SAID_AS.get(name, name) for name in path.split("."))))


def _of_item(resource: Mapping[str, Any], path: str, rule: str) -> str:
    """What is wrong, with the linkId of the item: that is what the author of the resource knows it by."""
    at: Any = resource
    link = ""
    for name in path.split(".")[1:]:
        if isinstance(at, list):
            at = at[int(name)] if name.isdecimal() and int(name) < len(at) else None
        else:
            at = at.get(name) if isinstance(at, Mapping) else None
        named = at.get("linkId") if isinstance(at, Mapping) else None
        if isinstance(named, str) and can_be_stored(named) and named.strip():
            link = named.strip()[:_LONGEST_LINK]
    return f"Item {link}: {rule}" if link else rule


def _unknown(extension: Mapping[str, Any]) -> str:
    return f"The extension {str(extension.get('url'))[:200]} has no effect here."


def _problems(items: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """Where a resource is no questionnaire at all."""
    if not isinstance(items, list) or not all(isinstance(each, Mapping) for each in items):
        yield path, "A list of items is expected."
        return
    if depth > shape.DEEPEST:
        yield path, f"Items are at most {shape.DEEPEST} deep."
        return
    for place, item in enumerate(items):
        yield from _item_problems(item, f"{path}.{place}")
        if "item" in item:
            yield from _problems(item["item"], f"{path}.{place}.item", depth + 1)


def _item_problems(item: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    if not isinstance(item.get("linkId"), str) or not item["linkId"].strip():
        yield f"{path}.linkId", "Each item has a linkId, which is a text."
    if not isinstance(item.get("type"), str) or item["type"] not in words.KIND_OF_TYPE:
        yield f"{path}.type", f"One of these is expected: {', '.join(sorted(words.KIND_OF_TYPE))}."
    yield from fhir_shape.item(item, path)


def _every(items: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for item in items:
        yield item
        yield from _every(item.get("item") or [])


def _sets(resource: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The answer lists by their address: those that the resource contains, and known ones."""
    known = {
        url: [
            {"value": code, "text": text, "score": score, "system": words.LOINC}
            for code, text, score in answers
        ]
        for url, answers in words.KNOWN_SETS.items()
    }
    contained = resource.get("contained")
    for each in contained if isinstance(contained, list) else ():
        if isinstance(each, Mapping) and each.get("resourceType") == "ValueSet":
            options = list(_concepts(each))
            known[f"#{each.get('id')}"] = options
            known[str(each.get("url"))] = options
    return known


def _concepts(value_set: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    compose, expansion = value_set.get("compose"), value_set.get("expansion")
    groups = [(None, expansion.get("contains"))] if isinstance(expansion, Mapping) else []
    if not groups and isinstance(compose, Mapping) and isinstance(compose.get("include"), list):
        groups = [
            (each.get("system"), each.get("concept"))
            for each in compose["include"]
            if isinstance(each, Mapping)
        ]
    for system, concepts in groups:
        for each in concepts if isinstance(concepts, list) else ():
            if isinstance(each, Mapping) and isinstance(each.get("code"), str):
                text = each.get("display")
                yield {
                    "value": each["code"][:100],
                    "text": (text if isinstance(text, str) and text.strip() else each["code"])[:500],
                    "system": each.get("system") or system,
                }


def _item(reader: _Reader, said: Mapping[str, Any], path: str, around: str = "") -> dict[str, Any]:
    kind, extensions = words.KIND_OF_TYPE[said["type"]], _by_url(said)
    least, most = (_limit(extensions.get(url)) for url in (words.LEAST, words.MOST))
    is_whole = said["type"] == "integer"
    if kind == shape.NUMBER and _control(extensions) == "slider" and None not in (least, most):
        kind = shape.SCALE
    is_open = said["type"] == "open-choice"
    text = said.get("text", "").strip() or (around if kind != shape.SECTION else "")
    options: list[dict[str, Any]] = []
    if kind == shape.CHOICE:
        options, is_open = _options(reader, said, path, is_open=is_open)
        kind = shape.MANY_CHOICE if said.get("repeats") is True else kind
    elif said.get("repeats") is True:
        reader.tell(f"{path}.repeats", "It is asked once: answers and sections are not repeated.")
    item = {
        "id": said["linkId"].strip(),
        "kind": kind,
        # An item without a text of its own is asked by the text of its section.
        "text": text,
        "prefix": (said.get("prefix") or "").strip()[:50] or None,
        "help": _help(extensions),
        "is_required": said.get("required") is True,
        "is_read_only": said.get("readOnly") is True,
        "is_long": said["type"] == "text",
        "is_whole": is_whole,
        "is_open": is_open,
        "max_length": _length(said.get("maxLength")) if kind == shape.TEXT else None,
        "least": least,
        "most": most,
        "unit": _unit(reader, extensions, path) if said["type"] == "quantity" else None,
        "options": options,
        "conditions": list(_conditions(reader, said, path)),
        "needs": shape.ANY if said.get("enableBehavior") == "any" else shape.ALL,
        "observation": _observation(reader, said, path),
        "kept": {name: value for name, value in said.items() if name not in _READ},
    }
    if kept := [each for each in said.get("extension", ()) if each.get("url") not in words.MODELLED]:
        item["kept"]["extension"] = kept
    _tell(reader, said, path)
    item["items"] = [
        _item(reader, each, f"{path}.item.{place}", text) for place, each in enumerate(said.get("item") or [])
    ]
    return item


def _tell(reader: _Reader, said: Mapping[str, Any], path: str) -> None:
    if said["type"] in words.TAKEN_AS:
        reader.tell(f"{path}.type", words.TAKEN_AS[said["type"]])
    if said.get("readOnly") is True:
        reader.tell(f"{path}.readOnly", "It is filled in by others, so nobody is asked.")
    if "initial" in said:
        reader.tell(f"{path}.initial", "It begins without an answer.")
    for each in said.get("extension", ()):
        url = each.get("url")
        if url == words.CONTROL and _control({url: each}) in ("gtable", "table", "htable", "atable"):
            reader.tell(f"{path}.extension", "The table is shown as one question after another.")
        elif url not in words.MODELLED and url not in words.LOOKS:
            reader.tell(f"{path}.extension", words.WITHOUT_EFFECT.get(str(url), _unknown(each)))
    for name in said:
        if name not in _READ and name not in ("initial", "id", "definition") and not name.startswith("_"):
            reader.tell(f"{path}.{name}", "It has no effect here.")


def _by_url(said: Mapping[str, Any]) -> dict[str, Any]:
    return {str(each.get("url")): each for each in said.get("extension", ())}


def _control(extensions: Mapping[str, Any]) -> str | None:
    concept = extensions.get(words.CONTROL, {}).get("valueCodeableConcept")
    codings = concept.get("coding") if isinstance(concept, Mapping) else None
    first = codings[0] if isinstance(codings, list) and codings else None
    return str(first.get("code")) if isinstance(first, Mapping) else None


def _limit(extension: Mapping[str, Any] | None) -> float | None:
    if extension is None:
        return None
    value = next((extension[name] for name in ("valueInteger", "valueDecimal") if name in extension), None)
    return None if value is None else forms.as_number(value)


def _length(value: Any) -> int | None:
    return value if type(value) is int and 1 <= value <= shape.LONGEST_ANSWER else None


def _help(extensions: Mapping[str, Any]) -> str | None:
    told = extensions.get(words.ENTRY_FORMAT, {}).get("valueString")
    return told.strip()[:1000] or None if isinstance(told, str) else None


def _unit(reader: _Reader, extensions: Mapping[str, Any], path: str) -> str | None:
    for url in (words.UNIT, words.UNIT_OPTION):
        coding = extensions.get(url, {}).get("valueCoding")
        unit = coding.get("display") or coding.get("code") if isinstance(coding, Mapping) else None
        if isinstance(unit, str) and unit.strip():
            return unit.strip("() ")[:40] or None
    reader.tell(f"{path}.type", "It has no unit, so a number is asked.")
    return None


def _options(
    reader: _Reader, said: Mapping[str, Any], path: str, *, is_open: bool
) -> tuple[list[dict[str, Any]], bool]:
    """The answers to choose from, and whether own words are possible."""
    if said.get("answerOption"):
        taken: dict[str, int] = {}
        return [_option(each, taken) for each in said["answerOption"]], is_open
    address = said.get("answerValueSet")
    if address:
        found = reader.sets.get(address) or reader.sets.get(address.partition("|")[0])
        if found:
            return list(found), is_open
        reader.tell(
            f"{path}.answerValueSet",
            f"The answers of {address[:200]} are not known here. People answer in their own words.",
        )
    else:
        reader.tell(f"{path}.answerOption", "No answers are given. People answer in their own words.")
    return [], True


def _option(said: Mapping[str, Any], taken: dict[str, int]) -> dict[str, Any]:
    coding = said.get("valueCoding")
    if isinstance(coding, Mapping):
        value, text, system = coding.get("code"), coding.get("display"), coding.get("system")
    else:
        value = text = next((each for name, each in said.items() if name.startswith("value")), "")
        system = None
    name = str(value if value is not None else text).strip()[:100] or "-"
    taken[name] = taken.get(name, 0) + 1
    own = name if taken[name] == 1 else f"{name[:90]} ({taken[name]})"
    extensions = _by_url(said) if isinstance(said.get("extension"), list) else {}
    score = extensions.get(words.SCORE, {})
    return {
        "value": own,
        "text": str(text if text is not None else value).strip()[:500] or own,
        "score": _limit(score) if score else None,
        "is_exclusive": extensions.get(words.EXCLUSIVE, {}).get("valueBoolean") is True,
        "system": system if isinstance(system, str) and system.strip() else None,
    }


def _conditions(reader: _Reader, said: Mapping[str, Any], path: str) -> Iterator[dict[str, Any]]:
    for place, each in enumerate(said.get("enableWhen", ())):
        answer = next(((name[6:], value) for name, value in each.items() if name.startswith("answer")), None)
        value = None if answer is None else _value_of_condition(*answer)
        if (
            value is None
            or not isinstance(each.get("question"), str)
            or each.get("operator") not in shape.OPERATORS
        ):
            reader.tell(
                f"{path}.enableWhen.{place}", "This condition cannot be read. The item is asked without it."
            )
        elif each["question"] not in reader.types:
            reader.tell(
                f"{path}.enableWhen.{place}", "It names no item. The item is asked without this condition."
            )
        else:
            yield {"item": each["question"], "operator": each["operator"], "value": value}


def _value_of_condition(kind: str, value: Any) -> str | None:
    if kind == "Boolean":
        return "true" if value is True else "false" if value is False else None
    if kind == "Coding" and isinstance(value, Mapping):
        value = value.get("code") or value.get("display")
    elif kind == "Quantity" and isinstance(value, Mapping):
        value = value.get("value")
    elif kind == "DateTime" and isinstance(value, str):
        value = value[:10]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip()[:500] or None


def _observation(reader: _Reader, said: Mapping[str, Any], path: str) -> dict[str, Any] | None:
    codes = [
        each for each in said.get("code", ()) if isinstance(each.get("code"), str) and each["code"].strip()
    ]
    if not codes or words.KIND_OF_TYPE[said["type"]] in forms.SILENT:
        return None
    if len(codes) > 1:
        reader.tell(f"{path}.code", "The answer is stored under the first code only.")
    first = codes[0]
    system, name = first.get("system"), first.get("display")
    return {
        "system": system if isinstance(system, str) and system.strip() else "urn:unknown",
        "code": first["code"].strip()[:100],
        "name": name.strip()[:500] or None if isinstance(name, str) else None,
    }


def _keep_as_said(items: Sequence[Any], said: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep how the resource said it, where an item is written in another way."""
    known = forms.by_id(items)
    for name, item in known.items():
        original = said.get(name) or next(each for link, each in said.items() if link.strip() == name)
        written = plain_item(item, known)
        raw = {
            member: original.get(member)
            for member in {*original, *written} - {"item"}
            if original.get(member) != written.get(member)
        }
        item["raw"] = raw  # type: ignore[index]
