"""Entrypoints of suppressed addresses."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.notifications import suppressed_addresses as contract
from services.notifications.suppressed_addresses import handlers, queries


class SuppressedAddressEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_suppressed_addresses)
    def list_suppressed_addresses(self, call: Call) -> Any:
        return call.read(queries.list_suppressed_addresses)

    @serves(contract.remove_suppressed_address)
    def remove_suppressed_address(self, call: Call) -> Any:
        return call.commit(handlers.remove_suppressed_address)

    @serves(contract.get_my_mailbox)
    def get_my_mailbox(self, call: Call) -> Any:
        return queries.get_my_mailbox(call)
