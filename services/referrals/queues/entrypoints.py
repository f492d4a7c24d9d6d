"""Entrypoints of ReferralQs."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import queues
from services.referrals.queues import handlers, queries


class QueueEntrypoints:
    """What `Service` offers about ReferralQs."""

    @serves(queues.create_queue)
    def create_queue(self, call: Call) -> Any:
        return call.commit(handlers.create_queue)

    @serves(queues.list_queues)
    def list_queues(self, call: Call) -> Any:
        return call.read(queries.list_queues)

    @serves(queues.get_queue)
    def get_queue(self, call: Call) -> Any:
        return call.read(queries.get_queue)

    @serves(queues.describe_queue)
    def describe_queue(self, call: Call) -> Any:
        return call.read(queries.describe_queue)

    @serves(queues.edit_queue)
    def edit_queue(self, call: Call) -> Any:
        return call.commit(handlers.edit_queue)

    @serves(queues.deactivate_queue)
    def deactivate_queue(self, call: Call) -> Any:
        return call.commit(handlers.deactivate_queue)

    @serves(queues.reactivate_queue)
    def reactivate_queue(self, call: Call) -> Any:
        return call.commit(handlers.reactivate_queue)

    @serves(queues.add_program_to_queue)
    def add_program_to_queue(self, call: Call) -> Any:
        return call.commit(handlers.add_program_to_queue)

    @serves(queues.remove_program_from_queue)
    def remove_program_from_queue(self, call: Call) -> Any:
        return call.commit(handlers.remove_program_from_queue)
