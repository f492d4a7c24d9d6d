"""The CapabilityStatement: what a client may read and search, made from the table that also checks searches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.chassis.fhir_search import FHIR_VERSION
from services.contracts.portals import fhir as portals
from services.referrals.fhir.rules import CAPACITY_STATUS, ENROLLMENT_STATUS, PARAMETERS

# The day on which the offered resources or parameters last changed.
_DATE = "2026-11-30"
_ABOUT = (
    "Read and search only. Who polls asks with _since (the same as _lastUpdated=ge…) and gets the oldest change first; "
    "Provenance is asked by its target. A Task and a ServiceRequest with the same id are one referral; "
    "a HealthcareService is a program, "
    "an Organization an agency. The extension "
    f"{CAPACITY_STATUS} on HealthcareService is that of the Gravity guide; without it the capacity is unknown. No resource "
    "claims a profile of the guide, because the help-seeker is no US Core Patient. The extension "
    f"{ENROLLMENT_STATUS} on Task is enrolled, not_enrolled or not_enrolled_on_waitlist. "
    "Communication, CommunicationRequest, Appointment, Slot and Schedule are those of the portals; a Slot is asked by its schedule. "
    "$export of all types but Slot, with _type, _since and _outputFormat, is that of the Bulk Data guide."
)
_BULK_DATA = "http://hl7.org/fhir/uv/bulkdata"
_SECURITY = (
    "Authorization: Bearer …, with the scope referral.read; portal_queue.work for Communication and CommunicationRequest; "
    "appointment.manage for Appointment, Slot and Schedule."
)


def capability_statement(base_url: str) -> dict[str, Any]:
    """The statement as JSON values."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _DATE,
        "kind": "instance",
        "instantiates": [f"{_BULK_DATA}/CapabilityStatement/bulk-data"],
        "software": {"name": "Portico"},
        "implementation": {"description": "Referrals and their directory", "url": base_url},
        "fhirVersion": FHIR_VERSION,
        "format": ["json", "application/fhir+json"],
        "rest": [
            {
                "mode": "server",
                "documentation": _ABOUT,
                "security": {"description": _SECURITY},
                "operation": [{"name": "export", "definition": f"{_BULK_DATA}/OperationDefinition/export"}],
                "resource": [_resource(*each) for each in {**PARAMETERS, **portals.PARAMETERS}.items()],
            }
        ],
    }


def _resource(name: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    interactions = ["read", "search-type", *(["history-instance"] if name == "Task" else [])]
    return {
        "type": name,
        "interaction": [{"code": code} for code in interactions],
        "versioning": "versioned",
        "searchParam": [{"name": key, "type": kind} for key, kind in parameters.items()],
    }
