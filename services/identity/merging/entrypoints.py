"""Entrypoints of merging."""

from __future__ import annotations

from functools import partial
from typing import Any

from services.chassis.operations import Call, serves
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.identity import merging as contract
from services.identity.merging import handlers


class MergingEntrypoints:
    """What `Service` offers about two records of one person."""

    @serves(contract.preview_merge)
    def preview_merge(self, call: Call) -> Any:
        answer = call.read(handlers.preview)
        for person_id in (answer["kept_id"], answer["merged_id"]):
            call.transact(
                partial(UnitOfWork.audit, action="person.read", object_type="person", object_id=person_id)
            )
        return answer

    @serves(contract.merge_people)
    def merge_people(self, call: Call) -> Any:
        return call.commit(handlers.merge)

    @serves(contract.undo_merge)
    def undo_merge(self, call: Call) -> Any:
        return call.commit(handlers.undo)

    @serves(contract.list_merges)
    def list_merges(self, call: Call) -> Any:
        return call.read(handlers.list_merges)

    @serves(contract.resolve_person)
    def resolve_person(self, call: Call) -> Any:
        return call.read(handlers.resolve)

    @serves(contract.describe_person)
    def describe_person(self, call: Call) -> Any:
        return call.read(handlers.resolve)
