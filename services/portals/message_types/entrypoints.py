"""Entrypoints of message types."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import message_types as contract
from services.portals.message_types import handlers, queries


class MessageTypesEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_message_types)
    def list_message_types(self, call: Call) -> Any:
        return call.read(queries.list_message_types)

    @serves(contract.get_message_type)
    def get_message_type(self, call: Call) -> Any:
        return call.read(queries.get_message_type)

    @serves(contract.create_message_type)
    def create_message_type(self, call: Call) -> Any:
        return call.commit(handlers.create_message_type)

    @serves(contract.change_message_type)
    def change_message_type(self, call: Call) -> Any:
        return call.commit(handlers.change_message_type)

    @serves(contract.get_portal_message_types)
    def get_portal_message_types(self, call: Call) -> Any:
        return call.read(queries.get_portal_message_types)

    @serves(contract.choose_portal_message_types)
    def choose_portal_message_types(self, call: Call) -> Any:
        return call.commit(handlers.choose_portal_message_types)
