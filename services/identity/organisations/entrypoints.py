"""Entrypoints of organisations."""

from __future__ import annotations

import time
from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import organisations as contract
from services.identity.organisations import handlers, queries, reminders
from services.identity.secrets.calls import answer_time


class OrganisationsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_organisation)
    def get_organisation(self, call: Call) -> Any:
        return call.read(queries.get_organisation)

    @serves(contract.get_public_organisation)
    def get_public_organisation(self, call: Call) -> Any:
        return call.read(queries.get_public_organisation)

    @serves(contract.set_public_facts)
    def set_public_facts(self, call: Call) -> Any:
        return call.commit(handlers.set_public_facts)

    @serves(contract.request_portal_reminder)
    def request_portal_reminder(self, call: Call) -> Any:
        answer_at = answer_time()
        answer = reminders.request_reminder(call)
        time.sleep(max(0.0, answer_at - time.monotonic()))
        return answer

    @serves(contract.set_features)
    def set_features(self, call: Call) -> Any:
        return call.commit(handlers.set_features)
