"""Entrypoints of relationships."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.identity import relationships as contract
from services.identity.relationships import handlers, queries


class RelationshipsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.set_account_relationship)
    def set_account_relationship(self, call: Call) -> Any:
        return call.commit(handlers.set_relationship)

    @serves(contract.set_person_relationship)
    def set_person_relationship(self, call: Call) -> Any:
        return call.commit(handlers.set_relationship)

    @serves(contract.let_stand_in)
    def let_stand_in(self, call: Call) -> Any:
        return call.commit(handlers.let_stand_in)

    @serves(contract.end_relationship)
    def end_relationship(self, call: Call) -> Any:
        return call.commit(handlers.end_relationship)

    @serves(contract.list_relationships)
    def list_relationships(self, call: Call) -> Any:
        return call.read(queries.list_relationships)
