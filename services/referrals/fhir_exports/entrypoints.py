"""Entrypoints of bulk exports."""

from __future__ import annotations

from typing import Any

from services.chassis.events import IncomingEvent, listens
from services.chassis.operations import Call, serves
from services.contracts.identity.personal_data import person_erased
from services.contracts.referrals import fhir_exports
from services.referrals.fhir_exports import jobs, orders


class FhirExportEntrypoints:
    """What `Service` inherits."""

    @serves(fhir_exports.export_fhir)
    def export_fhir(self, call: Call) -> Any:
        return jobs.order(call)

    @serves(fhir_exports.get_fhir_export)
    def get_fhir_export(self, call: Call) -> Any:
        return call.read(orders.tell)

    @serves(fhir_exports.cancel_fhir_export)
    def cancel_fhir_export(self, call: Call) -> Any:
        return jobs.cancel(call)

    @serves(fhir_exports.download_fhir_export_file)
    def download_fhir_export_file(self, call: Call) -> Any:
        return call.commit(orders.fetch)

    @listens(person_erased)
    def on_person_erased(self, incoming: IncomingEvent) -> None:
        jobs.withdraw_all(incoming)
