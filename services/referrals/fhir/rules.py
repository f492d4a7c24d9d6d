"""Rules of the FHIR R4 (4.0.1) view: codes, search parameters, and the values of a search.

Sources: http://hl7.org/fhir/R4/task.html, servicerequest.html, healthcareservice.html, organization.html,
provenance.html, search.html, http.html.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from services.contracts.errors import Refused
from services.contracts.ids import plain_id

FHIR_VERSION = "4.0.1"
# Our own code systems and extensions.
RECORD_NUMBERS = "urn:portico:contact-record-number"
RESOURCE_NUMBERS = "urn:portico:resource-number"
REASONS = "urn:portico:reason"
OUTCOMES = "urn:portico:outcome"
ACCOUNTS = "urn:portico:account"
HISTORY_KINDS = "urn:portico:referral-step"
ORGANISATIONS = "urn:portico:organisation"
QUEUES = "urn:portico:queue"
TAXONOMY = "urn:portico:taxonomy"
ENROLLMENT_STATUS = "https://portico.example/fhir/StructureDefinition/enrollment-status"

# The extension, codes and categories of the Gravity guide, hl7.org/fhir/us/sdoh-clinicalcare, 3.0.0.
_GRAVITY = "http://hl7.org/fhir/us/sdoh-clinicalcare"
CAPACITY_STATUS = f"{_GRAVITY}/StructureDefinition/SDOHCC-ExtensionHealthcareServiceCapacityStatus"
GRAVITY_CODES = f"{_GRAVITY}/CodeSystem/SDOHCC-CodeSystemTemporaryCodes"
US_CORE_CATEGORIES = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
# The guide's code and display of each capacity status, best first. It has none for an unknown status.
CAPACITY_CODES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "has_capacity": ("capacity", "Has Capacity"),
        "additional_assessment_required": (
            "additional-assessment-required",
            "Additional Assessment Required",
        ),
        "no_capacity_has_waitlist": ("waitlist", "No Capacity - Has Waitlist"),
        "no_capacity": ("no-capacity", "No Capacity"),
    }
)
# The guide's category for the beginning of a code of the 211 taxonomy; the longest beginning counts.
_CATEGORIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "BD": ("food-insecurity", "Food Insecurity"),
        "BH-1800": ("homelessness", "Homelessness"),
        "BH": ("housing-instability", "Housing Instability"),
        "BM": ("material-hardship", "Material Hardship"),
        "BT": ("transportation-insecurity", "Transportation Insecurity"),
        "BV": ("utility-insecurity", "Utility Insecurity"),
        "H": ("educational-attainment", "Educational Attainment"),
        "ND": ("employment-status", "Employment Status"),
        "NL": ("financial-insecurity", "Financial Insecurity"),
        "NT": ("financial-insecurity", "Financial Insecurity"),
    }
)
_UNSPECIFIED = ("sdoh-category-unspecified", "SDOH Category Unspecified")

DEFAULT_COUNT, MAX_COUNT = 20, 100

# ServiceRequest.status is that of the order, Task.status that of the work. The order is active until the work has ended.
_REQUEST_STATUS: Mapping[str, str] = MappingProxyType(
    {
        "draft": "draft",
        "requested": "active",
        "received": "active",
        "accepted": "active",
        "ready": "active",
        "in-progress": "active",
        "on-hold": "on-hold",
        "completed": "completed",
        "rejected": "revoked",
        "cancelled": "revoked",
        "failed": "revoked",
        "entered-in-error": "entered-in-error",
    }
)

TASK_STATUSES = frozenset(_REQUEST_STATUS)
REQUEST_STATUSES = frozenset({*_REQUEST_STATUS.values(), "unknown"})
PRIORITIES = frozenset({"routine", "urgent", "asap", "stat"})
# http://hl7.org/fhir/R4/codesystem-task-code.html
TASK_CODES = frozenset({"approve", "fulfill", "abort", "replace", "change", "suspend", "resume"})

# The search parameters of each resource type with FHIR's parameter types, for the CapabilityStatement and for searches.
PARAMETERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Task": {
            "_id": "token",
            "_lastUpdated": "date",
            "_since": "date",
            "status": "token",
            "business-status": "token",
            "owner": "reference",
            "focus": "reference",
            "identifier": "token",
            "priority": "token",
            "code": "token",
        },
        "ServiceRequest": {
            "_id": "token",
            "_lastUpdated": "date",
            "_since": "date",
            "status": "token",
            "identifier": "token",
            "performer": "reference",
            "priority": "token",
        },
        "HealthcareService": {
            "_id": "token",
            "_lastUpdated": "date",
            "_since": "date",
            "name": "string",
            "organization": "reference",
            "active": "token",
            "identifier": "token",
        },
        "Organization": {
            "_id": "token",
            "_lastUpdated": "date",
            "_since": "date",
            "name": "string",
            "active": "token",
            "identifier": "token",
        },
        "Provenance": {"_id": "token", "target": "reference"},
    }
)
_OF_EVERY_SEARCH = frozenset({"_count", "_after"})
_PREFIXES = ("eq", "ge", "gt", "le", "lt")
_MOMENT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(\.\d{1,6})?)?(Z|[-+ ]\d\d:\d\d)?)?)?)?", re.ASCII
)
_SYSTEM_OF_STATUSES = re.compile(r"urn:portico:queue:([0-9a-f]{32}):status")


@dataclass(frozen=True, slots=True)
class Search:
    """A checked search. One of a parameter's values must match; every repetition of a parameter must match."""

    resource_type: str
    conditions: tuple[tuple[str, tuple[str, ...]], ...]
    count: int
    after: str | None


def enrollment_status(stage: str, *, is_waitlisted: bool) -> str:
    """Whether the help-seeker is enrolled in the program, is not, or is on its waitlist."""
    if is_waitlisted:
        return "not_enrolled_on_waitlist"
    return "enrolled" if stage == "enrolled" else "not_enrolled"


def sdoh_categories(taxonomy_codes: Iterable[str]) -> list[tuple[str, str]]:
    """The guide's categories, code and display, of a program with these codes of the 211 taxonomy; at least one."""
    found: dict[tuple[str, str], None] = {}
    for code in taxonomy_codes:
        beginning = max((each for each in _CATEGORIES if code.startswith(each)), key=len, default=None)
        if beginning is not None:
            found[_CATEGORIES[beginning]] = None
    return list(found) or [_UNSPECIFIED]


def program_capacity(lines: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], str | None] | None:
    """The guide's code with its display, and a note, for all lines of a program; None if no line's status is known.

    The guide has one status for a program: the best of its lines. With several lines, the note names each with its own.
    """
    statuses = {line["capacity_status"] for line in lines}
    best = next((CAPACITY_CODES[status] for status in CAPACITY_CODES if status in statuses), None)
    if best is None:
        return None
    if len(lines) == 1:
        return best, lines[0]["note"]
    told = []
    for line in lines:
        _, display = CAPACITY_CODES.get(line["capacity_status"], ("", "Unknown"))
        told.append(f"{line['name']}: {display}" + (f" ({line['note']})" if line["note"] else ""))
    return best, "; ".join(told)


def request_status(task_status: str) -> str:
    """The ServiceRequest.status for a Task.status."""
    return _REQUEST_STATUS[task_status]


def task_statuses(status_of_request: str) -> list[str]:
    """The Task.status codes under which a ServiceRequest has this status."""
    return sorted(code for code, status in _REQUEST_STATUS.items() if status == status_of_request)


def check_type(resource_type: str) -> None:
    """Raise Refused `not_found` unless this type of resource is offered."""
    if resource_type not in PARAMETERS:
        raise Refused("not_found", f"Offered are {', '.join(PARAMETERS)}.", "resource_type")


def check_id(resource_id: str) -> str:
    """The id in our form. Raises Refused `not_found` if it is no identifier."""
    plain = plain_id(resource_id)
    if plain is None:
        raise Refused("not_found", "There is no resource with this id.", "resource_id")
    return plain


def read_search(
    resource_type: str, given: Mapping[str, Sequence[str]], *, is_lenient: bool = False
) -> Search:
    """Read a search. Raises Refused `not_found` (type), `search_refused` (unknown parameter, bad value).

    With `is_lenient` (Prefer: handling=lenient) unknown parameters are ignored.
    """
    check_type(resource_type)
    known = PARAMETERS[resource_type]
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


def status_token(value: str, name: str) -> tuple[str | None, str]:
    """The queue's id, if the token names it by its system, and the code of a queue's status.

    Raises Refused `search_refused` for another system and for no code.
    """
    system, _, _ = value.rpartition("|")
    queue = _SYSTEM_OF_STATUSES.fullmatch(system)
    return queue[1] if queue else None, token_code(value, system if queue else None, name)


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
