"""Entrypoints of the FHIR view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.chassis.operations import Call, serves
from services.contracts import referrals_fhir as contract
from services.referrals.fhir import queries
from services.referrals.fhir.capability import capability_statement


class FhirEntrypoints:
    """What `Service` offers as FHIR R4."""

    @serves(contract.fhir_read)
    def fhir_read(self, call: Call) -> Any:
        with call.runtime.database.reading(call.organisation_id) as session:
            resource, record = queries.read(session, call.caller, call.request)
        if record is not None:
            _audit_reading(call, record)
        return {"resource": resource}

    @serves(contract.fhir_search)
    def fhir_search(self, call: Call) -> Any:
        return call.read(queries.search)

    @serves(contract.fhir_history)
    def fhir_history(self, call: Call) -> Any:
        return call.read(queries.history)

    @serves(contract.fhir_capability)
    def fhir_capability(self, call: Call) -> Any:
        return {"resource": capability_statement(call.request["base_url"])}


def _audit_reading(call: Call, record: Mapping[str, Any]) -> None:
    """Note a reading of a person's details before they are handed out: what cannot be noted is not shown."""
    facts = {"contact_record_id": record["id"], "format": "fhir"}
    if record.get("person_id"):
        facts["person_id"] = record["person_id"]
    referral_id = call.request["resource_id"]
    call.transact(lambda unit: unit.audit("referral.details_read", "referral", referral_id, **facts))
