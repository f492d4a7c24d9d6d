"""Reads a posted form as the request of an operation, by the types that the operation declares.

A form has texts only. What is read here keeps every value that the operation could refuse, so that its own words say why.
"""

from __future__ import annotations

import datetime
import zoneinfo
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields
from werkzeug.datastructures import MultiDict

from gateway.web import language
from services.contracts.fields import LARGEST, Moment

# Members of every form that are no members of a request.
ACTION, KEY, VERSION, TOKEN = "action", "key", "version", "form_token"
# The time zone in which people have entered times.
ZONE = "zone"
OWN = frozenset({ACTION, KEY, VERSION, TOKEN, ZONE})


def arguments(form: MultiDict[str, str], schema: Schema, prefix: str = "") -> dict[str, Any]:
    """The members of the request that the form has, by name; those of a nested member are called `member.name`.

    An empty field is null where the operation accepts that, and absent otherwise. A check box is told by a hidden field of
    the same name before it, whose value is empty.
    """
    found: dict[str, Any] = {}
    for name, declared in schema.fields.items():
        key = f"{prefix}{name}"
        if isinstance(declared, fields.Nested):
            nested = arguments(form, declared.schema, f"{key}.")
            if nested:
                found[name] = nested
        elif key in form:
            value = _value(form.getlist(key), declared, form.get(ZONE, ""))
            if value is not None or declared.allow_none:
                found[name] = value
    return found


def _value(texts: list[str], declared: fields.Field[Any], zone: str) -> Any:
    if isinstance(declared, fields.Boolean):
        return any(texts)
    if isinstance(declared, fields.List):
        return [_one(text, declared.inner) for text in texts if text.strip()]
    if isinstance(declared, Moment):
        return _moment(texts[-1].strip(), zone)
    return _one(texts[-1], declared)


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


def query(given: Mapping[str, str], names: tuple[str, ...], schema: Schema) -> dict[str, Any]:
    """The members of a read that the page's address has. An empty one is absent: a filter that is not set."""
    return {name: _one(given[name], schema.fields[name]) for name in names if given.get(name, "").strip()}
