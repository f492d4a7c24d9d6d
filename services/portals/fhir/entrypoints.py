"""Entrypoints of the FHIR view. What is told of a person is audited before it is handed out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.chassis.operations import Call, serves
from services.chassis.passports import Caller
from services.chassis.transactions import transact_as
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.portals import fhir as contract
from services.portals.fhir import queries
from services.portals.fhir.kinds import APPOINTMENT, COMMUNICATION, EXPORTED, REQUEST, SCHEDULE, Kind


class FhirEntrypoints:
    """What `Service` inherits."""

    @serves(contract.fhir_read_communication)
    def fhir_read_communication(self, call: Call) -> Any:
        return _read(call, COMMUNICATION)

    @serves(contract.fhir_search_communication)
    def fhir_search_communication(self, call: Call) -> Any:
        return _search(call, COMMUNICATION)

    @serves(contract.fhir_read_communication_request)
    def fhir_read_communication_request(self, call: Call) -> Any:
        return _read(call, REQUEST)

    @serves(contract.fhir_search_communication_request)
    def fhir_search_communication_request(self, call: Call) -> Any:
        return _search(call, REQUEST)

    @serves(contract.fhir_read_appointment)
    def fhir_read_appointment(self, call: Call) -> Any:
        return _read(call, APPOINTMENT)

    @serves(contract.fhir_search_appointment)
    def fhir_search_appointment(self, call: Call) -> Any:
        return _search(call, APPOINTMENT)

    @serves(contract.fhir_read_slot)
    def fhir_read_slot(self, call: Call) -> Any:
        return call.read(queries.read_slot)

    @serves(contract.fhir_search_slot)
    def fhir_search_slot(self, call: Call) -> Any:
        return call.read(queries.search_slots)

    @serves(contract.fhir_read_schedule)
    def fhir_read_schedule(self, call: Call) -> Any:
        return call.read(queries.read, SCHEDULE)

    @serves(contract.fhir_search_schedule)
    def fhir_search_schedule(self, call: Call) -> Any:
        return call.read(queries.search, SCHEDULE)

    @serves(contract.fhir_page)
    def fhir_page(self, call: Call) -> Any:
        kind = EXPORTED[call.request["resource_type"]]
        page = call.read(queries.page_by_change, kind)
        _audit_export(call, kind, page["resources"])
        return page


def _audit_export(call: Call, kind: Kind, resources: Iterable[Mapping[str, Any]]) -> None:
    """Audit a page as a reading by who ordered the export."""
    people = list(filter(None, dict.fromkeys(map(kind.person_of, resources))))
    if not people or call.caller is None:
        return
    reader = Caller(
        "account",
        call.request["account_id"],
        call.caller.organisation_id,
        call.caller.organisation_key,
        call.request["realm"],
    )

    def audit(unit: UnitOfWork) -> None:
        for person_id in people:
            unit.audit(kind.readings, "person", person_id, format="fhir")

    transact_as(call.runtime, reader, audit, correlation_id=call.context.correlation_id)


def _read(call: Call, kind: Kind) -> Any:
    answer = call.read(queries.read, kind)
    resource = answer["resource"]
    call.note_reading(
        kind.reading, kind.object_type, resource["id"], person_id=kind.person_of(resource), format="fhir"
    )
    return answer


def _search(call: Call, kind: Kind) -> Any:
    answer = call.read(queries.search, kind)
    entries = answer["resource"].get("entry", ())
    people = filter(None, dict.fromkeys(kind.person_of(each["resource"]) for each in entries))
    call.note_readings(
        kind.readings, "person", {each: {"person_id": each, "format": "fhir"} for each in people}
    )
    return answer
