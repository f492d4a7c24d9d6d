"""Entrypoints of saved replies."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import saved_replies as contract
from services.portals.saved_replies import handlers, queries


class SavedRepliesEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_saved_replies)
    def list_saved_replies(self, call: Call) -> Any:
        return call.read(queries.list_saved_replies)

    @serves(contract.get_saved_reply)
    def get_saved_reply(self, call: Call) -> Any:
        return call.read(queries.get_saved_reply)

    @serves(contract.create_saved_reply)
    def create_saved_reply(self, call: Call) -> Any:
        return call.commit(handlers.create_saved_reply)

    @serves(contract.change_saved_reply)
    def change_saved_reply(self, call: Call) -> Any:
        return call.commit(handlers.change_saved_reply)

    @serves(contract.delete_saved_reply)
    def delete_saved_reply(self, call: Call) -> Any:
        return call.commit(handlers.delete_saved_reply)
