"""Reads a posted form as the request of an operation, by the types that the operation declares.

A form has texts only. What is read here keeps every value that the operation could refuse, so that its own words say why.
"""

from __future__ import annotations

import datetime
import math
import re
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import Schema, fields, validate
from werkzeug.datastructures import MultiDict

from gateway.web import language
from services.contracts.errors import Refused
from services.contracts.fields import LARGEST, Moment, Secret
from services.contracts.portals.local_text import OWN_LANGUAGE, AnyText, LocalText

# Members of every form that are no members of a request.
ACTION, KEY, VERSION, TOKEN = "action", "key", "version", "form_token"
# Whose form it is, and what was typed into one whose session had ended; both sealed.
OWNER, TYPED = "form_owner", "typed"
# The time zone in which people have entered times.
ZONE = "zone"
# Where the person goes after the action: one of the action's `ways`.
WAY = "way"
# No page has more fields: a long list of ticks, or a ReferralQ with all that it can have.
MOST_MEMBERS = 3_000
_NUMBER = re.compile(r"[0-9]{1,6}")
OWN = frozenset({ACTION, KEY, VERSION, TOKEN, OWNER, ZONE, WAY})


def action_of(form: MultiDict[str, str]) -> str:
    """The action of a form: that of the button that was pressed, where it has one of its own, or the form's."""
    return (form.getlist(ACTION) or [""])[-1]


def arguments(form: MultiDict[str, str], schema: Schema, prefix: str = "") -> dict[str, Any]:
    """The members of the request that the form has, by name; those of a nested member are called `member.name`.

    Those of a list of nested members are `member.0.name`: a row without any text is left out. A dictionary has `member.key`,
    and one of dictionaries has rows of `title`, `name` and `value`. An empty field is null where the operation accepts that,
    an empty text where it takes a text without letters, and absent otherwise. A nested member without any text is null where
    the form has an empty field of its name, too. A check box is told by a hidden field of the same name before it, whose value
    is empty.

    The entries of a list are ticked boxes of one name, or lines of a text. A row of a list may have two fields of its own:
    `place`, a number by which the rows are put in order, and `removed`.
    """
    found: dict[str, Any] = {}
    for name, declared in schema.fields.items():
        key = f"{prefix}{name}"
        if isinstance(declared, fields.Nested):
            nested = arguments(form, declared.schema, f"{key}.")
            is_null = declared.allow_none and key in form and not _has_text(form, f"{key}.")
            if nested or is_null:
                found[name] = None if is_null else nested
        elif isinstance(declared, fields.List) and isinstance(declared.inner, fields.Nested):
            if rows := _rows(form, key):
                given = [arguments(form, declared.inner.schema, row) for row in _filled(form, rows)]
                found[name] = given or (None if declared.allow_none else [])
        elif isinstance(declared, AnyText | LocalText) and any(each.startswith(f"{key}.") for each in form):
            found[name] = _in_languages(form, f"{key}.")
        elif isinstance(declared, fields.Dict) and any(each.startswith(f"{key}.") for each in form):
            found[name] = _dictionary(form, declared, f"{key}.")
        elif key in form:
            value = _value(form.getlist(key), declared, form.get(ZONE, ""))
            if value is not None or declared.allow_none:
                found[name] = value
    return found


def require_bounded(form: MultiDict[str, str]) -> None:
    """Refuse a form with more members than any page has, before it is read. Raises Refused(request_too_large)."""
    if sum(1 for _ in form.items(multi=True)) > MOST_MEMBERS:
        raise Refused(
            "request_too_large", f"A form has at most {MOST_MEMBERS} fields. Enter the rest in another step."
        )


def _rows(form: MultiDict[str, str], key: str) -> list[str]:
    """The beginnings of the names of a list's rows, in their order: `statuses.0.` before `statuses.1.`."""
    numbers = {each[len(key) + 1 :].partition(".")[0] for each in form if each.startswith(f"{key}.")}
    known = [number for number in numbers if _NUMBER.fullmatch(number)]
    return [f"{key}.{number}." for number in sorted(known, key=int)]


def name_of(path: str, form: MultiDict[str, str]) -> str:
    """The name of a form's field for a path of the request, whose rows may stand elsewhere than in the form."""
    parts = path.split(".")
    for at, part in enumerate(parts):
        rows = _filled(form, _rows(form, ".".join(parts[:at]))) if part.isdecimal() else []
        if rows and int(part) < len(rows):
            return rows[int(part)] + ".".join(parts[at + 1 :])
    return path


def _has_text(form: MultiDict[str, str], prefix: str) -> bool:
    """Whether one of the fields whose names begin so has a text."""
    own = f"{prefix}place"
    return any(
        text.strip() for name, text in form.items(multi=True) if name.startswith(prefix) and name != own
    )


def _may_be_empty(declared: fields.Field[Any]) -> bool:
    lengths = [each for each in declared.validators if isinstance(each, validate.Length)]
    is_needed = declared.required or declared.allow_none or any(each.min for each in lengths)
    return bool(lengths) and not is_needed


def _filled(form: MultiDict[str, str], rows: list[str]) -> list[str]:
    """The rows that have a text and are not removed, in the order of their places."""
    if not rows:
        return []
    digits = len(rows[0].split(".")) - 1  # where a row's number stands in the names of its members
    with_text = {
        ".".join(name.split(".")[:digits]) + "."
        for name, text in form.items(multi=True)
        if text.strip() and name.rpartition(".")[2] != "place"
    }
    kept = [row for row in rows if row in with_text and not any(form.getlist(f"{row}removed"))]
    return sorted(kept, key=_place(form))


def _place(form: MultiDict[str, str]) -> Callable[[str], float]:
    """The place of a row: the number that it names, or else the end."""

    def place(row: str) -> float:
        try:
            return float(form.get(f"{row}place", ""))
        except ValueError:
            return math.inf

    return place


def _in_languages(form: MultiDict[str, str], prefix: str) -> str | dict[str, str] | None:
    """A text that a form has in several languages: `member.en`, `member.es`. One in the organisation's language alone is plain."""
    texts = {
        name[len(prefix) :]: text.replace("\r\n", "\n")
        for name, text in form.items()
        if name.startswith(prefix) and text.strip()
    }
    return texts.get(OWN_LANGUAGE) if set(texts) <= {OWN_LANGUAGE} else texts


def _dictionary(form: MultiDict[str, str], declared: fields.Dict, prefix: str) -> dict[str, Any]:
    values = declared.value_field or fields.Raw()
    if isinstance(values, fields.Dict):
        titled: dict[str, Any] = {}
        for row in _rows(form, prefix[:-1]):
            title, name, value = (form.get(f"{row}{each}", "").strip() for each in ("title", "name", "value"))
            # A value whose title or name is missing is kept too, so that it is refused and not lost.
            if title or name or value:
                section = titled.setdefault(title, {})
                if name or value:
                    section[name] = value
        return titled
    if isinstance(values, AnyText):
        keys = {each[len(prefix) :].partition(".")[0] for each in form if each.startswith(prefix)}
        within = {
            key: _in_languages(form, f"{prefix}{key}.") or form.get(f"{prefix}{key}", "") for key in keys
        }
        return {key: text for key, text in within.items() if not isinstance(text, str) or text.strip()}
    read = {
        each[len(prefix) :]: _value(form.getlist(each), values, form.get(ZONE, ""))
        for each in form
        if each.startswith(prefix)
    }
    return {name: value for name, value in read.items() if value is not None}


def _value(texts: list[str], declared: fields.Field[Any], zone: str) -> Any:
    if isinstance(declared, fields.Dict):
        return None  # an empty field of its own name stands for no dictionary at all
    if isinstance(declared, fields.Boolean):
        return any(texts)
    if isinstance(declared, fields.List):
        lines = (line for text in texts for line in text.splitlines())
        given = [_one(line.strip(), declared.inner) for line in lines if line.strip()]
        return given or (None if declared.allow_none else [])
    if isinstance(declared, Moment):
        return _moment(texts[-1].strip(), zone)
    value = _one(texts[-1], declared)
    return "" if value is None and _may_be_empty(declared) else value


def _moment(text: str, zone: str) -> str | None:
    """A time as a browser gives it, without a zone, in the zone of the form."""
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError:
        return text or None
    if at.tzinfo is None and zone in language.zone_names():
        at = at.replace(tzinfo=zoneinfo.ZoneInfo(zone))
    return at.isoformat()


def _one(text: str, declared: fields.Field[Any]) -> Any:
    if not text.strip():
        return None
    if isinstance(declared, fields.Integer):
        try:
            number = int(text.strip())
        except ValueError:
            return text
        # What a call cannot carry stays a text, so that the operation's own words refuse it.
        return number if abs(number) <= LARGEST else text
    return text.replace("\r\n", "\n")


def without_secrets(form: MultiDict[str, str], schema: Schema) -> list[tuple[str, str]]:
    """What may be kept of a posted form: all but passwords, codes and the form's own protection."""
    secret = {name for name, declared in schema.fields.items() if isinstance(declared, Secret)}
    return [
        (name, text)
        for name, text in form.items(multi=True)
        if name not in secret and name not in (TOKEN, OWNER)
    ]


def query(given: Mapping[str, str], names: tuple[str, ...], schema: Schema) -> dict[str, Any]:
    """The members of a read that the page's address has. An empty one is absent: a filter that is not set."""
    zone = given.get(ZONE, "")
    return {
        name: _filter(given[name], schema.fields[name], zone) for name in names if given.get(name, "").strip()
    }


def _filter(text: str, declared: fields.Field[Any], zone: str) -> Any:
    if isinstance(declared, fields.List):
        return [text.strip()]
    return _moment(text.strip(), zone) if isinstance(declared, Moment) else _one(text, declared)
