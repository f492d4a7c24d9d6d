"""Searches as FHIR R4 (4.0.1) has them: their parameters and values, and the Bundle of what was found.

Sources: http://hl7.org/fhir/R4/search.html, http.html, bundle.html. A service declares the parameters of each type that it
offers as name and FHIR's type of parameter.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from services.contracts.errors import Refused
from services.contracts.ids import plain_id

FHIR_VERSION = "4.0.1"
DEFAULT_COUNT, MAX_COUNT = 20, 100
# Each value becomes a condition: some thousands of them no database takes, and hundreds of thousands hold the process.
MOST_VALUES, LONGEST_VALUE = 200, 1000
# Days can be added to a time of these years, in every zone.
_YEARS = range(2, 9999)

_OF_EVERY_SEARCH = frozenset({"_count", "_after"})
_PREFIXES = ("eq", "ge", "gt", "le", "lt")
_MOMENT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(\.\d{1,6})?)?(Z|[-+ ]\d\d:\d\d)?)?)?)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Search:
    """A checked search. One of a parameter's values must match; every repetition of a parameter must match."""

    resource_type: str
    conditions: tuple[tuple[str, tuple[str, ...]], ...]
    count: int
    after: str | None


def check_id(resource_id: str) -> str:
    """The id in our form. Raises Refused `not_found` if it is no identifier."""
    plain = plain_id(resource_id)
    if plain is None:
        raise Refused("not_found", "There is no resource with this id.", "resource_id")
    return plain


def read_search(
    resource_type: str,
    known: Mapping[str, str],
    given: Mapping[str, Sequence[str]],
    *,
    is_lenient: bool = False,
) -> Search:
    """Read a search by the `known` parameters of a type.

    Raises Refused `search_refused` (unknown parameter, bad value, too many values). With `is_lenient` (Prefer: handling=lenient)
    unknown parameters are ignored.
    """
    _require_few(given)
    conditions = []
    for name, values in given.items():
        if name in _OF_EVERY_SEARCH:
            continue
        if name not in known:
            if is_lenient:
                continue
            raise _refused(f"{resource_type} can be searched by {', '.join(known)}.", name)
        for value in values:
            wanted = tuple(part for part in value.split(",") if part)
            if not wanted:
                raise _refused("A value is expected.", name)
            if name == "_id":
                wanted = tuple(plain_id(part) or part for part in wanted)
            conditions.append(_since(wanted) if name == "_since" else (name, wanted))
    after = given.get("_after", ())
    return Search(
        resource_type, tuple(conditions), _count(given.get("_count", ())), after[0] if after else None
    )


def changed_within(
    resource_type: str,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    count: int,
    after: str | None,
) -> Search:
    """The search for what has last changed within this time, both ends included: a page of an export, oldest change first."""
    conditions = tuple(
        ("_lastUpdated", (f"{prefix}{at.astimezone(datetime.UTC).isoformat(timespec='microseconds')}",))
        for prefix, at in (("ge", since), ("le", until))
        if at is not None
    )
    return Search(resource_type, conditions, count, after)


def _require_few(given: Mapping[str, Sequence[str]]) -> None:
    counted = 0
    for name, values in given.items():
        for value in values:
            counted += 1 + value.count(",")
            if counted > MOST_VALUES:
                raise _refused(f"A search has at most {MOST_VALUES} values. Make several of it.", name)
            if any(len(part) > LONGEST_VALUE for part in value.split(",")):
                raise _refused(f"A value has at most {LONGEST_VALUE} characters.", name)


def _since(values: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """`_since`, for those who poll: the same as `_lastUpdated=ge…`, by which a next page goes on. Raises Refused `search_refused`."""
    wanted = tuple(f"ge{value}" for value in values)
    for each in wanted:
        moments(each, "_since")
    return "_lastUpdated", wanted


def reference_id(value: str, types: Sequence[str], name: str) -> tuple[str | None, str]:
    """The type and the id of a reference: "HealthcareService/…", a whole address, or an id alone (type None).

    Raises Refused `search_refused` for a type that is not one of `types`.
    """
    parts = value.rstrip("/").split("/")
    kind = parts[-2] if len(parts) > 1 else None
    if kind is not None and kind not in types:
        raise _refused(f"A reference to {' or '.join(types)} is expected.", name)
    return kind, plain_id(parts[-1]) or parts[-1]


def token_code(value: str, system: str | None, name: str, codes: Collection[str] | None = None) -> str:
    """The code of a token "code", "|code" or "system|code".

    Raises Refused `search_refused` for another system, for no code, and for a code that is not one of `codes`.
    """
    given, bar, code = value.rpartition("|")
    if bar and given and given != system:
        raise _refused(f"Codes of {system} are expected." if system else "A code alone is expected.", name)
    if not code:
        raise _refused("A code is expected.", name)
    if codes is not None and code not in codes:
        raise _refused(f"One of these codes is expected: {', '.join(sorted(codes))}.", name)
    return code


def flag(value: str, name: str) -> bool:
    """The value of a "true" or "false". Raises Refused `search_refused`."""
    if value not in ("true", "false"):
        raise _refused("true or false is expected.", name)
    return value == "true"


def moments(value: str, name: str) -> tuple[datetime.datetime | None, datetime.datetime | None]:
    """The bounds of a date with its prefix: from (included) and before (not included). None is unbounded.

    A value covers the whole year, month, day, minute or second that it names (search.html, section "date"), in UTC unless
    it has an offset. Raises Refused `search_refused`.
    """
    prefix, text = (value[:2], value[2:]) if value[:2] in _PREFIXES else ("eq", value)
    match = _MOMENT.fullmatch(text)
    refusal = _refused("A date such as 2026-03-01 or 2026-03-01T08:30:00Z is expected.", name)
    if match is None:
        raise refusal
    try:
        begin, end = _interval(match)
    except (ValueError, OverflowError):
        raise refusal from None
    return {
        "eq": (begin, end),
        "ge": (begin, None),
        "gt": (end, None),
        "le": (None, end),
        "lt": (None, begin),
    }[prefix]


def _interval(match: re.Match[str]) -> tuple[datetime.datetime, datetime.datetime]:
    year, month, day, minute, second, fraction, offset = match.groups()
    if int(year) not in _YEARS:
        raise ValueError("days cannot be added to it")
    if day is None:
        begin = datetime.datetime(int(year), int(month or 1), 1, tzinfo=datetime.UTC)
        months = int(year) * 12 + int(month or 12)  # from the beginning of the calendar to the next period
        return begin, begin.replace(year=months // 12, month=months % 12 + 1)
    zone = (offset or "Z").replace(" ", "+")  # an unescaped + of an address is a blank
    text = f"{year}-{month}-{day}T{minute or '00:00'}:{second or '00'}{fraction or ''}{zone}"
    begin = datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    if minute is None:
        return begin, begin + datetime.timedelta(days=1)
    if second is None:
        return begin, begin + datetime.timedelta(minutes=1)
    return begin, begin + datetime.timedelta(microseconds=1 if fraction else 1_000_000)


def _count(values: Sequence[str]) -> int:
    if not values:
        return DEFAULT_COUNT
    if not values[-1].isascii() or not values[-1].isdigit():
        raise _refused("A whole number is expected; 0 asks for the number of matches.", "_count")
    # A server may return fewer than the client asks for (http.html, section "Page count").
    return min(int(values[-1]), MAX_COUNT)


def _refused(detail: str, field: str) -> Refused:
    return Refused("search_refused", detail, field)


def link(base_url: str, wanted: Search, after: str | None) -> str:
    """The address of a page, with the parameters that were applied, so that a client sees which were ignored."""
    given = [(name, ",".join(values)) for name, values in wanted.conditions] + [("_count", str(wanted.count))]
    return f"{base_url}/{wanted.resource_type}?{urlencode([*given, *([('_after', after)] if after else [])])}"


def search_bundle(
    base_url: str,
    resources: Sequence[Mapping[str, Any]],
    links: Mapping[str, str],
    at: datetime.datetime,
    total: int | None,
) -> dict[str, Any]:
    """A page of a search, or with `total` the number of matches alone: a count costs more than a page."""
    if total is not None:
        return {
            "resourceType": "Bundle",
            "type": "searchset",
            "timestamp": at.astimezone(datetime.UTC).isoformat(),
            "total": total,
            "link": [{"relation": relation, "url": url} for relation, url in links.items()],
        }
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": at.astimezone(datetime.UTC).isoformat(),
        "link": [{"relation": relation, "url": url} for relation, url in links.items()],
        "entry": [
            {
                "fullUrl": f"{base_url}/{resource['resourceType']}/{resource['id']}",
                "resource": resource,
                "search": {"mode": "match"},
            }
            for resource in resources
        ],
    }
