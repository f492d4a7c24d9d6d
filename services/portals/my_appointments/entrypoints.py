"""Entrypoints of appointments, for the people of portals."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import my_appointments as contract
from services.portals.my_appointments import confirmations, handlers, queries


class MyAppointmentEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_my_scheduling)
    def get_my_scheduling(self, call: Call) -> Any:
        return call.read(queries.get_my_scheduling)

    @serves(contract.list_my_free_times)
    def list_my_free_times(self, call: Call) -> Any:
        return call.read(queries.list_my_free_times)

    @serves(contract.list_my_appointments)
    def list_my_appointments(self, call: Call) -> Any:
        answer = call.read(queries.list_my_appointments)
        person_id = answer["person_id"]
        call.note_reading("appointments.read", "person", person_id, person_id=person_id)
        return answer

    @serves(contract.get_my_appointment)
    def get_my_appointment(self, call: Call) -> Any:
        answer = call.read(queries.get_my_appointment)
        call.note_reading("appointment.read", "appointment", answer["id"], person_id=answer["person_id"])
        return answer

    @serves(contract.get_appointment_to_confirm)
    def get_appointment_to_confirm(self, call: Call) -> Any:
        answer = call.read(confirmations.get_appointment_to_confirm)
        call.note_reading("appointment.read", "appointment", answer["id"], person_id=answer["person_id"])
        return answer

    @serves(contract.confirm_my_appointment)
    def confirm_my_appointment(self, call: Call) -> Any:
        return call.commit(confirmations.confirm_my_appointment, call.caller)

    @serves(contract.book_my_appointment)
    def book_my_appointment(self, call: Call) -> Any:
        return call.commit(handlers.book_my_appointment, call.caller)

    @serves(contract.move_my_appointment)
    def move_my_appointment(self, call: Call) -> Any:
        return call.commit(handlers.move_my_appointment, call.caller)

    @serves(contract.cancel_my_appointment)
    def cancel_my_appointment(self, call: Call) -> Any:
        return call.commit(handlers.cancel_my_appointment, call.caller)
