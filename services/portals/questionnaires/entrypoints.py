"""Entrypoints of questionnaires."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import questionnaires as contract
from services.portals.questionnaires import fhir_reading, handlers, queries
from services.portals.questionnaires import form as forms


class QuestionnairesEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_questionnaires)
    def list_questionnaires(self, call: Call) -> Any:
        return call.read(queries.list_questionnaires)

    @serves(contract.get_questionnaire)
    def get_questionnaire(self, call: Call) -> Any:
        return call.read(queries.get_questionnaire)

    @serves(contract.get_questionnaire_version)
    def get_questionnaire_version(self, call: Call) -> Any:
        return call.read(queries.get_questionnaire_version)

    @serves(contract.create_questionnaire)
    def create_questionnaire(self, call: Call) -> Any:
        return call.commit(handlers.create_questionnaire)

    @serves(contract.change_questionnaire)
    def change_questionnaire(self, call: Call) -> Any:
        return call.commit(handlers.change_questionnaire)

    @serves(contract.replace_questionnaire_items)
    def replace_questionnaire_items(self, call: Call) -> Any:
        return call.commit(handlers.replace_questionnaire_items, forms.read_items(call.request["items"]))

    @serves(contract.add_questionnaire_item)
    def add_questionnaire_item(self, call: Call) -> Any:
        return call.commit(handlers.add_questionnaire_item)

    @serves(contract.change_questionnaire_item)
    def change_questionnaire_item(self, call: Call) -> Any:
        return call.commit(handlers.change_questionnaire_item)

    @serves(contract.move_questionnaire_item)
    def move_questionnaire_item(self, call: Call) -> Any:
        return call.commit(handlers.move_questionnaire_item)

    @serves(contract.remove_questionnaire_item)
    def remove_questionnaire_item(self, call: Call) -> Any:
        return call.commit(handlers.remove_questionnaire_item)

    @serves(contract.publish_questionnaire)
    def publish_questionnaire(self, call: Call) -> Any:
        return call.commit(handlers.publish_questionnaire)

    @serves(contract.retire_questionnaire)
    def retire_questionnaire(self, call: Call) -> Any:
        return call.commit(handlers.retire_questionnaire)

    @serves(contract.import_questionnaire)
    def import_questionnaire(self, call: Call) -> Any:
        reading = fhir_reading.read_questionnaire(call.request["resource"])
        return call.commit(handlers.import_questionnaire, reading)

    @serves(contract.export_questionnaire)
    def export_questionnaire(self, call: Call) -> Any:
        return call.read(queries.export_questionnaire)

    @serves(contract.get_offered_questionnaires)
    def get_offered_questionnaires(self, call: Call) -> Any:
        return call.read(queries.get_offered_questionnaires)

    @serves(contract.offer_questionnaires)
    def offer_questionnaires(self, call: Call) -> Any:
        return call.commit(handlers.offer_questionnaires)
