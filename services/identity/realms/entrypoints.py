"""Entrypoints of realms."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import realms as contract
from services.identity.realms import handlers, queries


class RealmsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_realm_settings)
    def list_realm_settings(self, call: Call) -> Any:
        return call.read(queries.list_realm_settings)

    @serves(contract.get_realm_settings)
    def get_realm_settings(self, call: Call) -> Any:
        return call.read(queries.get_realm_settings)

    @serves(contract.set_realm_settings)
    def set_realm_settings(self, call: Call) -> Any:
        return call.commit(handlers.set_realm_settings)

    @serves(contract.list_roles)
    def list_roles(self, call: Call) -> Any:
        return call.read(queries.list_roles)

    @serves(contract.get_role)
    def get_role(self, call: Call) -> Any:
        return call.read(queries.get_role)

    @serves(contract.create_role)
    def create_role(self, call: Call) -> Any:
        return call.commit(handlers.create_role)

    @serves(contract.edit_role)
    def edit_role(self, call: Call) -> Any:
        return call.commit(handlers.edit_role)
