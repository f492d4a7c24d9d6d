"""Entrypoints of schedules."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import schedules as contract
from services.portals.schedules import handlers, queries


class ScheduleEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_appointment_types)
    def list_appointment_types(self, call: Call) -> Any:
        return call.read(queries.list_appointment_types)

    @serves(contract.get_appointment_type)
    def get_appointment_type(self, call: Call) -> Any:
        return call.read(queries.get_appointment_type)

    @serves(contract.create_appointment_type)
    def create_appointment_type(self, call: Call) -> Any:
        return call.commit(handlers.create_appointment_type)

    @serves(contract.change_appointment_type)
    def change_appointment_type(self, call: Call) -> Any:
        return call.commit(handlers.change_appointment_type)

    @serves(contract.list_appointment_providers)
    def list_appointment_providers(self, call: Call) -> Any:
        return call.read(queries.list_appointment_providers)

    @serves(contract.get_appointment_provider)
    def get_appointment_provider(self, call: Call) -> Any:
        return call.read(queries.get_appointment_provider)

    @serves(contract.create_appointment_provider)
    def create_appointment_provider(self, call: Call) -> Any:
        return call.commit(handlers.create_appointment_provider)

    @serves(contract.change_appointment_provider)
    def change_appointment_provider(self, call: Call) -> Any:
        return call.commit(handlers.change_appointment_provider)

    @serves(contract.list_schedules)
    def list_schedules(self, call: Call) -> Any:
        return call.read(queries.list_schedules)

    @serves(contract.get_schedule)
    def get_schedule(self, call: Call) -> Any:
        return call.read(queries.get_schedule)

    @serves(contract.create_schedule)
    def create_schedule(self, call: Call) -> Any:
        return call.commit(handlers.create_schedule)

    @serves(contract.change_schedule)
    def change_schedule(self, call: Call) -> Any:
        return call.commit(handlers.change_schedule)
