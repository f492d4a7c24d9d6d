"""Rules of the FHIR R4 (4.0.1) view: codes, search parameters, and the values of a search.

Sources: http://hl7.org/fhir/R4/task.html, servicerequest.html, healthcareservice.html, organization.html,
provenance.html, search.html, http.html.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

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
