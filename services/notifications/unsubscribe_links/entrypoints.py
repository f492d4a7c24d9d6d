"""Entrypoints of unsubscribe links."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.notifications import unsubscribe_links as contract
from services.notifications.unsubscribe_links import workflows


class UnsubscribeLinkEntrypoints:
    """What `Service` inherits."""

    @serves(contract.inspect_unsubscribe_link)
    def inspect_unsubscribe_link(self, call: Call) -> Any:
        return workflows.inspect_unsubscribe_link(call)

    @serves(contract.unsubscribe)
    def unsubscribe(self, call: Call) -> Any:
        return workflows.unsubscribe(call)
