"""What an HSDS file marks as private. The standard has no field for it, so files use members and attributes of their own.

A mark is a member or an attribute such as `is_private`, `confidential`, `visibility: internal` or `address_is_private`. It
holds for the part that has it (an address, a phone number, a contact), or for the whole entity.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from services.referrals.directory.hsds_tables import OURS
from services.referrals.directory.withheld import squeeze
from services.referrals.directory_imports.rules import says_no

_SECRET = re.compile(
    r"private|confidential|hidden|unlisted|unpublished|redacted|internal|restricted|sensitive|nonpublic"
)
_WITHHOLD = re.compile(r"donot(publish|display|show|list|share)|(exclude|hide|hidden)from\w+|notpublic|^hide")
_OPEN = frozenset({"public", "published", "visible", "listed"})
_FILLING = re.compile(r"^(is|has)|(is|flag|only)$|is")
_INTERNAL = "internal"
# Members that say in a word who may see something, and what.
_SCALES = {
    **dict.fromkeys(("visibility", "confidentiality", "privacy", "audience", "publicity"), ""),
    "locationtype": "address",
}
# Of an entity, these words in a mark name its members that the mark is about.
_POSITION = ("latitude", "longitude", "transportation")
_ABOUT = {
    "address": ("addresses", *_POSITION),
    "location": ("addresses", *_POSITION),
    "phone": ("phones",),
    "email": ("email",),
    "contact": ("contacts",),
    "website": ("website", "url", "additional_urls"),
}


def set_private_apart(body: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str], bool]:
    """The body without what is marked as private, that as JSON texts by member, and whether all of it is private."""
    private: dict[str, list[Any]] = {}
    about = set(_marks(body))
    named = {member for word in about for member in _ABOUT.get(word, ())}
    named |= {member for member in body if squeeze(member).startswith(_INTERNAL)}
    rest = _public_part({name: value for name, value in body.items() if name not in named}, private)
    if "addresses" in private or "addresses" in named:
        named |= {*_POSITION}  # the coordinates tell the same as the address
    for member in sorted(named & body.keys()):
        rest.pop(member, None)
        private.setdefault(member, []).append(body[member])
    return rest, {member: json.dumps(values) for member, values in private.items()}, "" in about


def _public_part(body: Mapping[str, Any], private: dict[str, list[Any]]) -> dict[str, Any]:
    """The body without the parts that are marked, which go to `private` under the name of their list."""
    rest: dict[str, Any] = {}
    for member, value in body.items():
        if isinstance(value, list):
            parts = []
            for part in value:
                if isinstance(part, dict) and any(True for _ in _marks(part)):
                    private.setdefault(member, []).append(part)
                else:
                    parts.append(_public_part(part, private) if isinstance(part, dict) else part)
            rest[member] = parts
        else:
            rest[member] = value
    return rest


def _marks(body: Mapping[str, Any]) -> Iterator[str]:
    """What the members and attributes of this body mark as private: a word of `_ABOUT`, or empty for all of it."""
    for name, value in body.items():
        if not isinstance(value, dict | list):
            yield from _marked(squeeze(name), value)
    attributes = body.get("attributes")
    for each in attributes if isinstance(attributes, list) else ():
        if isinstance(each, dict) and each.get("link_type") != OURS:
            yield from _marked(squeeze(str(each.get("label") or "")), each.get("value", True))
            term = each.get("taxonomy_term")
            if isinstance(term, dict):
                yield from _marked(squeeze(str(term.get("name") or "")), True)


def _marked(name: str, value: Any) -> Iterator[str]:
    about = marked_as_private(name, value)
    # A mark says little else; a longer name is about something else, such as "private practice".
    if about is not None and (about == "" or _singular(about) in _ABOUT):
        yield _singular(about)


def marked_as_private(name: str, value: Any) -> str | None:
    """What a squeezed name with this value marks as private: the rest of the name, empty for all; None if it is no mark."""
    scale, about = _said_by(name)
    if scale is not None:
        return (
            (name.removesuffix(scale) or _SCALES[scale]) if _SECRET.fullmatch(squeeze(str(value))) else None
        )
    if name.removeprefix("is") in _OPEN:
        return "" if says_no(squeeze(str(value))) and value not in (None, "") else None
    return None if about == name or says_no(squeeze(str(value))) else _FILLING.sub("", about)


@functools.lru_cache(maxsize=4096)
def _said_by(name: str) -> tuple[str | None, str]:
    """The scale with which a name ends, and what is left of it without words of secrecy. Names are those of columns: few."""
    scale = next((each for each in _SCALES if name.endswith(each)), None)
    return scale, _SECRET.sub("", _WITHHOLD.sub("", name))


def _singular(word: str) -> str:
    return (
        word if word in _ABOUT else word.removesuffix("es") if word == "addresses" else word.removesuffix("s")
    )


def is_mark(name: str) -> bool:
    """Whether a member or column of this name can mark something as private."""
    word = squeeze(name)
    return word in _SCALES or word.removeprefix("is") in _OPEN or any(True for _ in _marked(word, "yes"))
