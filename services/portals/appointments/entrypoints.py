"""Entrypoints of appointments, for staff. The names of people are identity's."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import appointments as contract
from services.portals.appointments import handlers, queries
from services.portals.people.asking import add_person_names, addressee


def _named(call: Call, answer: Any) -> Any:
    """The answer, with the names of the people in it."""
    add_person_names(call, answer.get("items", [answer]))
    return answer


class AppointmentEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_appointments)
    def list_appointments(self, call: Call) -> Any:
        return _named(call, call.read(queries.list_appointments))

    @serves(contract.get_appointment)
    def get_appointment(self, call: Call) -> Any:
        answer = call.read(queries.get_appointment)
        call.note_reading("appointment.read", "appointment", answer["id"], person_id=answer["person_id"])
        return _named(call, answer)

    @serves(contract.list_person_appointments)
    def list_person_appointments(self, call: Call) -> Any:
        person_id = call.request["person_id"]
        answer = call.read(queries.list_person_appointments)
        call.note_reading("appointments.read", "person", person_id, person_id=person_id)
        return _named(call, answer)

    @serves(contract.list_free_times)
    def list_free_times(self, call: Call) -> Any:
        return call.read(queries.list_free_times)

    @serves(contract.book_appointment)
    def book_appointment(self, call: Call) -> Any:
        person = addressee(call, call.request["person_id"])
        return _named(call, call.commit(handlers.book_appointment, person.person_id))

    @serves(contract.move_appointment)
    def move_appointment(self, call: Call) -> Any:
        return _named(call, call.commit(handlers.move_appointment))

    @serves(contract.cancel_appointment)
    def cancel_appointment(self, call: Call) -> Any:
        return _named(call, call.commit(handlers.cancel_appointment))

    @serves(contract.close_appointment)
    def close_appointment(self, call: Call) -> Any:
        return _named(call, call.commit(handlers.close_appointment))

    @serves(contract.describe_appointment)
    def describe_appointment(self, call: Call) -> Any:
        return call.read(queries.describe_appointment)
