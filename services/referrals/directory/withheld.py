"""Addresses that one resource of an agency marks as private, and that others of the same agency repeat without the mark.

A shelter's street goes out by its site as well as by the agency itself. So what one of them withholds, all of them do: the
address is set apart in `private`, under a name of its own, and comes back when the mark is gone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from services.contracts.spelling import postal_code_key, search_key

ADDRESSES = ("physical_address", "mailing_address", "other_address")
# The member of `private` that holds what is withheld because of another resource.
OF_ANOTHER = "private_at_its_agency"
# Members that lead to the place as its address does.
POSITION = ("latitude", "longitude")
_WAYS = ("busserviceaccess", "publicaccesstransportation", "transportation", "map")
# Degrees within which two positions are one place, some hundred metres.
_NEAR = 0.001
_MOST = 200
# "Suite 4" names no street.
_WORDS_OF_UNIT = 2
_NUMBER_OF_HOUSE = re.compile(r"\d+[a-z]?")
_BEFORE_NUMBER = frozenset({"no", "nr", "num", "number"})
_FIVE_DIGITS = re.compile(r"[0-9]{5}")
_STREETS = {
    "street": "st", "avenue": "ave", "av": "ave", "road": "rd", "boulevard": "blvd", "drive": "dr", "lane": "ln", "court": "ct",
    "place": "pl", "square": "sq", "highway": "hwy", "parkway": "pkwy", "north": "n", "south": "s", "east": "e", "west": "w",
    "str": "st", "strt": "st",
}  # fmt: skip


def squeeze(text: str) -> str:
    """Letters and digits only, without case: "Program at Site" and "ProgramAtSite" are the same."""
    return re.sub(r"[\W_]+", "", text).casefold()


class Place(NamedTuple):
    """An address as it is compared: the words of its first line, its town and its postal code; or a position."""

    line: str
    town: str = ""
    postal_code: str = ""
    latitude: float | None = None
    longitude: float | None = None

    @property
    def key(self) -> str:
        """The place as one text."""
        return json.dumps(self, ensure_ascii=False)


def place_of(key: str) -> Place:
    """The place that has this key."""
    line, *rest = json.loads(key)
    return Place(_street(line), *rest)


def withheld_places(private: Mapping[str, Any]) -> list[Place]:
    """The places that a record marks as private itself, from its `private`, whatever the source names their parts."""
    found = [
        place
        for member in private
        if member != OF_ANOTHER
        for each in objects(private[member])
        for place in _places(each)
    ]
    by_columns: dict[str, dict[str, str]] = {}
    position: dict[str, Any] = {}
    for column, text in private.items():
        name = squeeze(column)
        for kind in ("physical", "mailing", "other"):
            if name.startswith(kind):
                by_columns.setdefault(kind, {})[name.removeprefix(kind)] = str(text)
        if name in POSITION:
            position[name] = text
    for each in by_columns.values():
        found += _places(
            {
                "line1": each.get("address1"),
                "line2": each.get("address2"),
                "city": each.get("city"),
                "postal_code": each.get("postalcode"),
            }
        )
    degrees = [_degrees(position.get(name)) for name in POSITION]
    if None not in degrees:
        found.append(Place("", "", "", *degrees))
    return [each for each in dict.fromkeys(found) if each.line or each.latitude is not None]


def as_withheld(record: Mapping[str, Any], places: Collection[Place]) -> dict[str, Any]:
    """The record with every address set apart that is one of these places, and without what was set apart before."""
    whole = as_stated(record)
    apart = {
        member: whole[member]
        for member in ADDRESSES
        if member in whole and any(_is_same(own, each) for own in _places(whole[member]) for each in places)
    }
    own_position = Place("", "", "", *(whole.get(name) for name in POSITION))
    is_at_one = own_position.latitude is not None and any(_is_near(own_position, each) for each in places)
    if not apart and not is_at_one:
        return whole
    apart |= {name: whole[name] for name in POSITION if name in whole}
    extra = whole.get("extra", {})
    ways = {name: extra[name] for name in extra if is_way_to_a_place(name)}
    rest = {name: value for name, value in whole.items() if name not in apart}
    if ways:
        apart["extra"] = ways
        rest["extra"] = {name: value for name, value in extra.items() if name not in ways}
    kept = {name: value for name, value in rest.items() if value != {}}
    return {**kept, "private": {**whole.get("private", {}), OF_ANOTHER: json.dumps(apart)}}


def as_stated(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record as its source or its editor states it: what is withheld because of another resource is back in place."""
    private = dict(record.get("private", {}))
    if OF_ANOTHER not in private:
        return dict(record)
    apart = json.loads(private.pop(OF_ANOTHER))
    extra = {**record.get("extra", {}), **apart.pop("extra", {})}
    whole = {**record, **apart, "extra": extra, "private": private}
    return {name: value for name, value in whole.items() if value != {}}


def as_marked(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with what is withheld because of another resource as if it were marked itself, for the staff to read."""
    private = dict(record.get("private", {}))
    if OF_ANOTHER not in private:
        return dict(record)
    apart = json.loads(private.pop(OF_ANOTHER))
    texts = {name: json.dumps(value, ensure_ascii=False) for name, value in apart.items()}
    return {**record, "private": {**private, **texts}}


def is_way_to_a_place(member: str) -> bool:
    """Whether a member of a record or of its source leads to the place as its address does."""
    return squeeze(member).startswith((*POSITION, *_WAYS))


def withholds_more(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the record marks something as private that it showed before."""
    known = before.get("private", {})
    return any(known.get(member) != text for member, text in after.get("private", {}).items())


def objects(text: Any) -> Iterator[Mapping[str, Any]]:
    """The objects in a JSON text, in lists too; none in any other text."""
    try:
        value = json.loads(text) if isinstance(text, str) and text[:1] in ("{", "[") else None
    except (ValueError, RecursionError):
        return
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            yield each


def _places(address: Mapping[str, Any]) -> list[Place]:
    """The places that an address may mean: by its first line, and by the second where a street or its number stands there."""
    first = str(address.get("line1") or address.get("address_1") or "")
    second = str(address.get("line2") or address.get("address_2") or "")
    town = search_key(str(address.get("city") or ""))[:_MOST]
    postal_code = postal_code_key(str(address.get("postal_code") or ""))[:_MOST]
    lines = [_street(first)]
    if second and not _has_number(lines[0]):
        lines.append(_street(f"{first} {second}"))
    if _has_number(_street(second)) and len(second.split()) > _WORDS_OF_UNIT:
        lines.append(_street(second))
    return [Place(each, town, postal_code) for each in dict.fromkeys(lines)]


def _street(line: str) -> str:
    """A street with the number of its house first, however they are written: "Hidden Str No. 12" gives "12 hidden st"."""
    words = [_STREETS.get(word, word) for word in search_key(line).split()]
    at = next((at for at, word in enumerate(words) if _NUMBER_OF_HOUSE.fullmatch(word)), None)
    if at is not None:
        before = words[: at - 1] if at and words[at - 1] in _BEFORE_NUMBER else words[:at]
        words = [words[at], *before, *words[at + 1 :]]
    return " ".join(words)[:_MOST]


def _has_number(street: str) -> bool:
    return _NUMBER_OF_HOUSE.fullmatch(street.partition(" ")[0]) is not None


def _is_same(one: Place, other: Place) -> bool:
    """Whether two addresses are one place: what both of them say agrees. One may go on with a unit or floor.

    An equal ZIP code stands for the town.
    """
    if not one.line or not other.line:
        return False
    short, long = sorted((one.line.split(), other.line.split()), key=len)
    if long[: len(short)] != short or (len(short) == 1 and len(long) > 1):
        return False
    if one.postal_code == other.postal_code and _FIVE_DIGITS.fullmatch(one.postal_code):
        return True  # towns are misspelt
    pairs = ((one.town, other.town), (one.postal_code, other.postal_code))
    return all(not mine or not yours or mine == yours for mine, yours in pairs)


def _is_near(one: Place, other: Place) -> bool:
    pairs = ((one.latitude, other.latitude), (one.longitude, other.longitude))
    return all(mine is not None and yours is not None and abs(mine - yours) < _NEAR for mine, yours in pairs)


def _degrees(text: Any) -> float | None:
    """A number of degrees as a source writes it, also as the one entry of a list; None for any other text."""
    try:
        value = json.loads(text) if isinstance(text, str) else text
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        return float(value) if value is not None else None
    except (ValueError, TypeError, RecursionError):
        return None
