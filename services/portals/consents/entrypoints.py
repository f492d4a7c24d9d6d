"""Entrypoints of consents."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import consents as contract
from services.portals.consents import handlers, queries


class ConsentsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_consents)
    def list_consents(self, call: Call) -> Any:
        return call.read(queries.list_consents)

    @serves(contract.get_consent)
    def get_consent(self, call: Call) -> Any:
        return call.read(queries.get_consent)

    @serves(contract.create_consent)
    def create_consent(self, call: Call) -> Any:
        return call.commit(handlers.create_consent)

    @serves(contract.renew_consent_text)
    def renew_consent_text(self, call: Call) -> Any:
        return call.commit(handlers.renew_consent_text)

    @serves(contract.retire_consent)
    def retire_consent(self, call: Call) -> Any:
        return call.commit(handlers.retire_consent)

    @serves(contract.get_required_consents)
    def get_required_consents(self, call: Call) -> Any:
        return call.read(queries.get_required_consents)

    @serves(contract.require_consents)
    def require_consents(self, call: Call) -> Any:
        return call.commit(handlers.require_consents)

    @serves(contract.list_my_consents)
    def list_my_consents(self, call: Call) -> Any:
        return call.read(queries.list_my_consents)

    @serves(contract.sign_consent)
    def sign_consent(self, call: Call) -> Any:
        return call.commit(handlers.sign_consent, call.caller)

    @serves(contract.withdraw_consent)
    def withdraw_consent(self, call: Call) -> Any:
        return call.commit(handlers.withdraw_consent, call.caller)

    @serves(contract.list_my_signed_consents)
    def list_my_signed_consents(self, call: Call) -> Any:
        return call.read(queries.list_my_signed_consents)

    @serves(contract.list_decided_consents)
    def list_decided_consents(self, call: Call) -> Any:
        return call.read(queries.list_decided_consents)

    @serves(contract.list_signed_consents)
    def list_signed_consents(self, call: Call) -> Any:
        call.note_reading("consents.opened", "person", call.request["person_id"])
        return call.read(queries.list_signed_consents)

    @serves(contract.export_consents_fhir)
    def export_consents_fhir(self, call: Call) -> Any:
        call.note_reading("consents.exported", "person", call.request["person_id"])
        return call.read(queries.export_consents_fhir)
