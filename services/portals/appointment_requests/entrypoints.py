"""Entrypoints of requests for appointments. The names of people are identity's."""

from __future__ import annotations

from typing import Any, cast

from services.chassis.operations import Call, serves
from services.chassis.passports import Caller
from services.contracts.portals import appointment_requests as contract
from services.portals.appointment_requests import handlers, queries
from services.portals.definitions.supervised import require_supervised
from services.portals.my_appointments import access
from services.portals.people.asking import add_person_names, addressee


class AppointmentRequestEntrypoints:
    """What `Service` inherits."""

    @serves(contract.request_my_appointment)
    def request_my_appointment(self, call: Call) -> Any:
        person_id = access.person_booked_for(cast(Caller, call.caller), call.request["person_id"])
        return call.commit(handlers.request_my_appointment, call.caller, addressee(call, person_id))

    @serves(contract.list_my_appointment_requests)
    def list_my_appointment_requests(self, call: Call) -> Any:
        return call.read(queries.list_my_appointment_requests)

    @serves(contract.withdraw_my_appointment_request)
    def withdraw_my_appointment_request(self, call: Call) -> Any:
        return call.commit(handlers.withdraw_my_appointment_request, call.caller)

    @serves(contract.get_employee_scheduling)
    def get_employee_scheduling(self, call: Call) -> Any:
        answer = call.read(queries.get_employee_scheduling)
        person_id = answer["person_id"]
        call.note_reading("appointments.read", "person", person_id, person_id=person_id)
        return answer

    @serves(contract.request_employee_appointment)
    def request_employee_appointment(self, call: Call) -> Any:
        person_id = call.request["person_id"]
        call.check(require_supervised, person_id)
        return call.commit(handlers.request_employee_appointment, call.caller, addressee(call, person_id))

    @serves(contract.list_appointment_requests)
    def list_appointment_requests(self, call: Call) -> Any:
        answer = call.read(queries.list_appointment_requests)
        add_person_names(call, answer["items"])
        return answer

    @serves(contract.get_appointment_request)
    def get_appointment_request(self, call: Call) -> Any:
        answer = call.read(queries.get_appointment_request)
        person_id = answer["person_id"]
        call.note_reading(
            "appointment_request.read", "appointment_request", answer["id"], person_id=person_id
        )
        add_person_names(call, [answer])
        return answer

    @serves(contract.list_requested_times)
    def list_requested_times(self, call: Call) -> Any:
        return call.read(queries.list_requested_times)

    @serves(contract.book_requested_appointment)
    def book_requested_appointment(self, call: Call) -> Any:
        answer = call.commit(handlers.book_requested_appointment)
        add_person_names(call, [answer])
        return answer

    @serves(contract.decline_appointment_request)
    def decline_appointment_request(self, call: Call) -> Any:
        answer = call.commit(handlers.decline_appointment_request)
        add_person_names(call, [answer])
        return answer
