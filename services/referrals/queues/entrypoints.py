"""Entrypoints of ReferralQs."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts import referrals as contract
from services.contracts import referrals_queues as editing
from services.referrals.queues import handlers, queries


class QueueEntrypoints:
    """What `Service` offers about ReferralQs."""

    @serves(contract.create_queue)
    def create_queue(self, call: Call) -> Any:
        return call.commit(handlers.create_queue)

    @serves(contract.list_queues)
    def list_queues(self, call: Call) -> Any:
        return call.read(queries.list_queues)

    @serves(contract.get_queue)
    def get_queue(self, call: Call) -> Any:
        return call.read(queries.get_queue)

    @serves(editing.describe_queue)
    def describe_queue(self, call: Call) -> Any:
        return call.read(queries.describe_queue)

    @serves(editing.edit_queue)
    def edit_queue(self, call: Call) -> Any:
        return call.commit(handlers.edit_queue)

    @serves(editing.deactivate_queue)
    def deactivate_queue(self, call: Call) -> Any:
        return call.commit(handlers.deactivate_queue)

    @serves(editing.reactivate_queue)
    def reactivate_queue(self, call: Call) -> Any:
        return call.commit(handlers.reactivate_queue)

    @serves(contract.add_program_to_queue)
    def add_program_to_queue(self, call: Call) -> Any:
        return call.commit(handlers.add_program_to_queue)

    @serves(editing.remove_program_from_queue)
    def remove_program_from_queue(self, call: Call) -> Any:
        return call.commit(handlers.remove_program_from_queue)
