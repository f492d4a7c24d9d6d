"""Entrypoints of the FHIR view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import fhir
from services.referrals.authors.names import authors_of
from services.referrals.fhir import queries
from services.referrals.fhir.capability import capability_statement
from services.referrals.records.handlers import note_reading


class FhirEntrypoints:
    """What `Service` offers as FHIR R4."""

    @serves(fhir.fhir_read)
    def fhir_read(self, call: Call) -> Any:
        with call.runtime.database.reading(call.organisation_id) as session:
            resource, record = queries.read(
                session,
                call.caller,
                resource_type=call.request["resource_type"],
                resource_id=call.request["resource_id"],
            )
        if record is not None:
            _audit_reading(call, referral_id=resource["id"], record_id=record["id"])
        _name_agents(call, [resource])
        return {"resource": resource}

    @serves(fhir.fhir_search)
    def fhir_search(self, call: Call) -> Any:
        answer = call.read(queries.search)
        _name_agents(call, [entry["resource"] for entry in answer["resource"].get("entry", ())])
        return answer

    @serves(fhir.fhir_history)
    def fhir_history(self, call: Call) -> Any:
        return call.read(queries.history)

    @serves(fhir.fhir_capability)
    def fhir_capability(self, call: Call) -> Any:
        return {"resource": capability_statement(call.request["base_url"])}


def _name_agents(call: Call, resources: Iterable[Mapping[str, Any]]) -> None:
    """Add to each Provenance the name of its agent, as far as identity tells it now."""
    agents = [
        agent["who"]
        for resource in resources
        if resource["resourceType"] == "Provenance"
        for agent in resource["agent"]
    ]
    authors = authors_of(call, (agent["identifier"]["value"] for agent in agents))
    for agent in agents:
        author = authors.get(agent["identifier"]["value"])
        if author is not None and author.name is not None:
            agent["display"] = author.name


def _audit_reading(call: Call, *, referral_id: str, record_id: str) -> None:
    """Audit a reading of a person's details before the answer is sent. If that fails, the details are not shown."""
    facts = {"contact_record_id": record_id, "format": "fhir"}
    note_reading(call, "referral.details_read", "referral", referral_id, record_id, **facts)
