"""Rules of the FHIR R4 (4.0.1) view: codes, search parameters, and the values of a search.

Sources: http://hl7.org/fhir/R4/task.html, servicerequest.html, healthcareservice.html, organization.html,
provenance.html, search.html, http.html.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

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
CAPACITY_STATUS = "https://portico.example/fhir/StructureDefinition/capacity-status"
ENROLLMENT_STATUS = "https://portico.example/fhir/StructureDefinition/enrollment-status"

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

# The search parameters of each resource type with FHIR's parameter types, for the CapabilityStatement and for searches.
PARAMETERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Task": {
            "_id": "token",
            "_lastUpdated": "date",
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
            "status": "token",
            "identifier": "token",
            "performer": "reference",
            "priority": "token",
        },
        "HealthcareService": {
            "_id": "token",
            "name": "string",
            "organization": "reference",
            "active": "token",
            "identifier": "token",
        },
        "Organization": {"_id": "token", "name": "string", "active": "token", "identifier": "token"},
        "Provenance": {"_id": "token", "target": "reference"},
    }
)
_OF_EVERY_SEARCH = frozenset({"_count", "_format", "_after"})
_PREFIXES = ("eq", "ge", "gt", "le", "lt")
_FORMATS = frozenset({"json", "application/json", "application/fhir+json"})
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


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
            conditions.append((name, wanted))
    _check_format(given.get("_format", ()))
    after = given.get("_after", ())
    return Search(
        resource_type, tuple(conditions), _count(given.get("_count", ())), after[0] if after else None
    )


def reference_id(value: str, types: Sequence[str], name: str) -> tuple[str | None, str]:
    """The type and the id of a reference: "HealthcareService/…", a whole address, or an id alone (type None).

    Raises Refused `search_refused` for a type that is not one of `types`.
    """
    parts = value.rstrip("/").split("/")
    kind = parts[-2] if len(parts) > 1 else None
    if kind is not None and kind not in types:
        raise _refused(f"A reference to {' or '.join(types)} is expected.", name)
    return kind, plain_id(parts[-1]) or parts[-1]


def token_code(value: str, system: str | None, name: str) -> str:
    """The code of a token "code", "|code" or "system|code". Raises Refused `search_refused` for another system."""
    given, bar, code = value.rpartition("|")
    if bar and given and system is not None and given != system:
        raise _refused(f"Codes of {system} are expected.", name)
    return code


def flag(value: str, name: str) -> bool:
    """The value of a "true" or "false". Raises Refused `search_refused`."""
    if value not in ("true", "false"):
        raise _refused("true or false is expected.", name)
    return value == "true"


def moments(value: str, name: str) -> tuple[datetime.datetime | None, datetime.datetime | None]:
    """The bounds of a date with its prefix: from (included) and before (not included). None is unbounded.

    A day without a time is the whole day in UTC. Raises Refused `search_refused`.
    """
    prefix, text = (value[:2], value[2:]) if value[:2] in _PREFIXES else ("eq", value)
    # A value covers the whole interval of its precision.
    precision = datetime.timedelta(days=1) if _DAY.fullmatch(text) else datetime.timedelta(microseconds=1)
    try:
        begin = datetime.datetime.fromisoformat(text)
        begin = begin.replace(tzinfo=datetime.UTC) if begin.tzinfo is None else begin.astimezone(datetime.UTC)
        end = begin + precision
    except (ValueError, OverflowError):
        raise _refused("A date such as 2026-03-01 or 2026-03-01T08:30:00Z is expected.", name) from None
    return {
        "eq": (begin, end),
        "ge": (begin, None),
        "gt": (end, None),
        "le": (None, end),
        "lt": (None, begin),
    }[prefix]


def _check_format(values: Sequence[str]) -> None:
    for value in values:
        if value not in _FORMATS:
            raise _refused("Only JSON is offered: json or application/fhir+json.", "_format")


def _count(values: Sequence[str]) -> int:
    if not values:
        return DEFAULT_COUNT
    if not values[-1].isascii() or not values[-1].isdigit() or int(values[-1]) < 1:
        raise _refused("A whole number from 1 is expected.", "_count")
    # A server may return fewer than the client asks for (http.html, section "Page count").
    return min(int(values[-1]), MAX_COUNT)


def _refused(detail: str, field: str) -> Refused:
    return Refused("search_refused", detail, field)
