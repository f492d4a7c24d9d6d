"""Refuses a request that holds more than its schema takes, before each part of it is looked at.

A schema looks at every part of a list and only then at their number. Half a million wrong ones, which are a megabyte, would
hold the process for seconds, and their problems would fill an answer.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

MOST_PARTS = 20_000  # of all lists and objects of a request that a schema looks into
MOST_WITHOUT_LIMIT = 1000  # of a list or object whose declaration has no limit of its own
MOST_UNKNOWN = 100  # members of an object that its schema does not know
_COMPOSITE = (fields.List, fields.Nested, fields.Dict)

Found = tuple[str, str] | None


def excess(schema: Schema, given: Mapping[str, Any], path: str = "") -> Found:
    """Where a request holds more than the schema takes, as its path and a sentence. None: nowhere."""
    return _Look().at_object(schema, given, path)


@functools.cache
def _composite(kind: type[Schema]) -> tuple[str, ...]:
    """The members of a schema that have parts."""
    return tuple(name for name, field in kind._declared_fields.items() if isinstance(field, _COMPOSITE))  # noqa: SLF001


class _Look:
    """One look at a request, which counts its parts."""

    def __init__(self) -> None:
        self._parts = 0

    def at_object(self, schema: Schema, given: Mapping[str, Any], path: str) -> Found:
        known = schema.load_fields
        if len(given) > len(known) + MOST_UNKNOWN:
            name = next(each for each in given if each not in known)
            return _within(path, name[:100]), f"Not known here, nor are {len(given) - len(known)} others."
        for name in _composite(type(schema)):
            if name in given and name in known:
                found = self._at_value(known[name], given[name], _within(path, name))
                if found is not None:
                    return found
        return None

    def _at_value(self, field: fields.Field[Any], value: Any, path: str) -> Found:
        if isinstance(field, fields.Nested):
            return self.at_object(field.schema, value, path) if isinstance(value, Mapping) else None
        if isinstance(field, fields.List) and isinstance(value, list):
            return self._at_parts(field, field.inner, value, path, enumerate(value))
        # Of an object without declared members the schema looks at none.
        if isinstance(field, fields.Dict) and isinstance(value, Mapping) and _is_declared(field):
            return self._at_parts(field, field.value_field, value, path, value.items())
        return None

    def _at_parts(
        self, field: Any, inner: fields.Field[Any] | None, value: Any, path: str, parts: Iterable[Any]
    ) -> Found:
        self._parts += len(value)
        told = _too_many(field, value)
        if told is None and self._parts > MOST_PARTS:
            told = f"More than {MOST_PARTS} parts in all. Send them in several requests."
        if told is not None:
            return path, told
        if isinstance(inner, _COMPOSITE):
            for name, part in parts:
                found = self._at_value(inner, part, _within(path, name))
                if found is not None:
                    return found
        return None


def _is_declared(field: fields.Dict) -> bool:
    return field.key_field is not None or field.value_field is not None


def _too_many(field: fields.Field[Any], value: Any) -> str | None:
    """What the field's own limit says of too many parts."""
    limits = [each for each in field.validators if isinstance(each, validate.Length) and each.max is not None]
    for limit in limits:
        if len(value) > (limit.max or 0):
            try:
                limit(value)
            except ValidationError as error:
                return str(error.messages[0])
    if not limits and len(value) > MOST_WITHOUT_LIMIT:
        return f"At most {MOST_WITHOUT_LIMIT} are taken at once, and there are {len(value)}."
    return None


def _within(path: str, name: Any) -> str:
    return f"{path}.{name}" if path else str(name)
