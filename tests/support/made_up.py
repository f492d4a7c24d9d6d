"""Replies made up from the schemas that operations declare: always the same ones, so that a page looks the same in each run."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields, validate

from services.contracts.declare import Operation
from services.contracts.fields import Code, Digest, EmailAddress, Id, IdOrKey, Moment, RecordNumber, Secret
from services.contracts.portals.local_text import LocalText

_WHEN = datetime.datetime(2026, 11, 20, 9, 30, tzinfo=datetime.UTC)
_NEVER = "2099-01-01T00:00:00+00:00"
# Where nothing leads to: there is no other page of a list, and no page of somebody else.
_NOWHERE = ("next", "logout_address")
# The address is that of an image; `html` is what the renderer of news has made of a message.
_FIXED = {"colour": "#1a5fb4", "address": "/made-up/picture", "html": "Saltmarsh"} | dict.fromkeys(
    ("time_zone", "organisation_time_zone"), "America/Chicago"
)
_NAMES = ("Rosalind", "Ümit", "Anne-Marie")
_WORDS = ("Lanternwick", "Quillmoor", "Saltmarsh")
# A sentence that breaks lines, and a word that has no place to break.
_LONG = "Quillmoor lanternwick saltmarsh. " * 4 + "Lanternwick" * 6


def id_of(name: str, row: int = 0) -> str:
    """The id that a member of this name has in a row. A member `id` of anything is another in each reply."""
    return hashlib.md5(f"{name} {row}".encode(), usedforsecurity=False).hexdigest()


class MadeUp:
    """Makes replies up. `rows` items in each list; `is_long`: texts are as long as they can be.

    `texts` are all that it has made up, so that a test can tell them from the page's own words.
    """

    names: tuple[str, ...] = _NAMES
    words: tuple[str, ...] = _WORDS

    def __init__(self, rows: int, *, is_long: bool = False) -> None:
        self._rows = rows
        self._is_long = is_long
        self.texts: set[str] = set()

    def reply(self, operation: Operation, given: Mapping[str, Any]) -> Any:
        """The reply of an operation, with the members that are given."""
        return self._object(operation.reply, 0, given)

    def _object(self, schema: Schema, row: int, given: Mapping[str, Any]) -> dict[str, Any]:
        """An object of this schema. What is given for a nested one is merged into it, and into each of a list."""
        made = dict(given)
        for name, each in schema.fields.items():
            inner = each.inner if isinstance(each, fields.List) else each
            if isinstance(inner, fields.Nested) and isinstance(given.get(name), Mapping):
                made[name] = self._value(each, name, row, given[name])
            elif name not in given:
                made[name] = self._value(each, name, row)
        return made

    def _value(
        self, declared: fields.Field[Any], name: str, row: int, given: Mapping[str, Any] | None = None
    ) -> Any:
        made: Any
        if given is None and declared.allow_none and (row % 3 == 2 or self._rows == 0 or name in _NOWHERE):
            made = None
        elif isinstance(declared, fields.Nested):
            made = self._object(declared.schema, row, given or {})
        elif isinstance(declared, fields.List):
            most = self._rows if name == "items" else min(self._rows, 2)
            made = [self._value(declared.inner, name, each, given) for each in range(most)]
        elif isinstance(declared, fields.Boolean):
            made = row % 2 == 0
        elif isinstance(declared, fields.Number):
            made = row + 3
        elif isinstance(declared, Moment):
            is_end = name in ("idle_ends_at", "expires_at")
            made = _NEVER if is_end else (_WHEN + datetime.timedelta(hours=7 * row)).isoformat()
        elif isinstance(declared, fields.Date):
            made = (_WHEN + datetime.timedelta(days=row)).date().isoformat()
        elif isinstance(declared, LocalText):
            made = {"en": self._text(declared, name, row)}
        elif isinstance(declared, fields.Dict):
            made = {}
        else:
            made = self._text(declared, name, row)
        return made

    def _text(self, declared: fields.Field[Any], name: str, row: int) -> str:
        for each in declared.validators:
            if isinstance(each, validate.OneOf):
                return str(list(each.choices)[row % len(list(each.choices))])
        if isinstance(declared, Id | IdOrKey) or name.endswith("_id") or name == "id":
            return id_of(name, row)
        if name in _FIXED:
            text = _FIXED[name]
        elif isinstance(declared, RecordNumber):
            text = f"CR-{row + 42:08}"
        elif isinstance(declared, Digest) or name == "sha256":
            text = id_of(name, row) * 2
        elif isinstance(declared, EmailAddress) or "email" in name:
            text = f"rosalind.{row}@saltmarsh.example.org"
        elif isinstance(declared, Code | Secret):
            text = f"lanternwick_{row}"
        elif name.endswith(("path", "url")):
            text = f"/made-up/{row}"
        else:
            text = self._words(declared, name, row)
        self.texts.add(text)
        return text

    def _words(self, declared: fields.Field[Any], name: str, row: int) -> str:
        if self._is_long and not name.endswith(("_key", "version")):
            most = min(
                (each.max or 200 for each in declared.validators if isinstance(each, validate.Length)),
                default=200,
            )
            return _LONG[:most]
        words = self.names if "name" in name else self.words
        return words[row % len(words)]


def merged(first: Any, then: Any) -> Any:
    """What is given first, with what is given then in its place."""
    if not (isinstance(first, Mapping) and isinstance(then, Mapping)):
        return then
    return {**first, **{name: merged(first.get(name), value) for name, value in then.items()}}
