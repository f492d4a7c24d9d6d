"""Entrypoints of preferences."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import organisations
from services.contracts.notifications import preferences as contract
from services.notifications.preferences import choices


class PreferenceEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_my_message_preferences)
    def get_my_message_preferences(self, call: Call) -> Any:
        asked = {"organisation": call.caller.organisation_key if call.caller else None}
        usual_zone = call.ask(organisations.get_public_organisation, asked)["time_zone"]
        return call.read(choices.get_my_message_preferences, usual_zone)

    @serves(contract.set_my_message_preferences)
    def set_my_message_preferences(self, call: Call) -> Any:
        return call.commit(choices.set_my_message_preferences, call.caller)
