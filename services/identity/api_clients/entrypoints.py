"""Entrypoints of API clients."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import api_clients as contract
from services.identity.api_clients import handlers


class ApiClientsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.open_api_session)
    def open_api_session(self, call: Call) -> Any:
        return handlers.open_session(call)

    @serves(contract.list_api_clients)
    def list_api_clients(self, call: Call) -> Any:
        return call.read(handlers.list_clients)

    @serves(contract.get_api_client)
    def get_api_client(self, call: Call) -> Any:
        return call.read(handlers.get_client)

    @serves(contract.create_api_client)
    def create_api_client(self, call: Call) -> Any:
        return call.commit(handlers.create)

    @serves(contract.change_api_client)
    def change_api_client(self, call: Call) -> Any:
        return call.commit(handlers.change)

    @serves(contract.rotate_api_secret)
    def rotate_api_secret(self, call: Call) -> Any:
        return call.commit(handlers.rotate_secret)

    @serves(contract.revoke_api_client)
    def revoke_api_client(self, call: Call) -> Any:
        return call.commit(handlers.revoke)
