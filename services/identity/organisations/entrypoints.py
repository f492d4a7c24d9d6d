"""Entrypoints of organisations."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import organisations as contract
from services.identity.organisations import handlers, queries


class OrganisationsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_organisation)
    def get_organisation(self, call: Call) -> Any:
        return call.read(queries.get_organisation)

    @serves(contract.set_features)
    def set_features(self, call: Call) -> Any:
        return call.commit(handlers.set_features)
