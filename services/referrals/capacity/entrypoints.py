"""Entrypoints of capacity."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.referrals import capacity
from services.referrals.authors.names import with_names
from services.referrals.capacity import handlers, queries


class CapacityEntrypoints:
    """What `Service` offers about capacity."""

    @serves(capacity.set_capacity)
    def set_capacity(self, call: Call) -> Any:
        return call.commit(handlers.set_capacity)

    @serves(capacity.get_capacity)
    def get_capacity(self, call: Call) -> Any:
        return call.read(queries.get_capacity)

    @serves(capacity.get_capacity_line)
    def get_capacity_line(self, call: Call) -> Any:
        return call.read(queries.get_capacity_line)

    @serves(capacity.describe_capacity_line)
    def describe_capacity_line(self, call: Call) -> Any:
        return call.read(queries.describe_capacity_line)

    @serves(capacity.list_capacities)
    def list_capacities(self, call: Call) -> Any:
        return call.read(queries.list_capacities)

    @serves(capacity.add_capacity_line)
    def add_capacity_line(self, call: Call) -> Any:
        return call.commit(handlers.add_capacity_line)

    @serves(capacity.edit_capacity_line)
    def edit_capacity_line(self, call: Call) -> Any:
        return call.commit(handlers.edit_capacity_line)

    @serves(capacity.remove_capacity_line)
    def remove_capacity_line(self, call: Call) -> Any:
        return call.commit(handlers.remove_capacity_line)

    @serves(capacity.confirm_capacity)
    def confirm_capacity(self, call: Call) -> Any:
        return call.commit(handlers.confirm_capacity)

    @serves(capacity.schedule_capacity)
    def schedule_capacity(self, call: Call) -> Any:
        return call.commit(handlers.schedule_capacity)

    @serves(capacity.edit_scheduled_capacity)
    def edit_scheduled_capacity(self, call: Call) -> Any:
        return call.commit(handlers.edit_scheduled_capacity)

    @serves(capacity.cancel_scheduled_capacity)
    def cancel_scheduled_capacity(self, call: Call) -> Any:
        return call.commit(handlers.cancel_scheduled_capacity)

    @serves(capacity.list_capacity_history)
    def list_capacity_history(self, call: Call) -> Any:
        return with_names(call, call.read(queries.list_capacity_history))

    @serves(capacity.get_capacity_settings)
    def get_capacity_settings(self, call: Call) -> Any:
        return call.read(queries.get_capacity_settings)

    @serves(capacity.set_capacity_settings)
    def set_capacity_settings(self, call: Call) -> Any:
        return call.commit(handlers.set_capacity_settings)
