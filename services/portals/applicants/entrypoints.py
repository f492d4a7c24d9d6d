"""Entrypoints of applications."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import applicants as contract
from services.portals.applicants import handlers, queries
from services.portals.responses import queries as responses


class ApplicantsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_applicant_portal)
    def get_applicant_portal(self, call: Call) -> Any:
        return call.read(queries.get_applicant_portal)

    @serves(contract.start_application)
    def start_application(self, call: Call) -> Any:
        return handlers.start(call)

    @serves(contract.get_application)
    def get_application(self, call: Call) -> Any:
        return handlers.read(call, queries.view)

    @serves(contract.start_application_response)
    def start_application_response(self, call: Call) -> Any:
        return handlers.commit(call, lambda unit, of: handlers.start_response(unit, of, call.request))

    @serves(contract.get_application_response)
    def get_application_response(self, call: Call) -> Any:
        def view(session: Any, application: Any) -> Any:
            row = queries.find_draft(session, application, call.request["response_id"])
            return responses.work_view(session, row, call.request["section"])

        return handlers.read(call, view)

    @serves(contract.save_application_answers)
    def save_application_answers(self, call: Call) -> Any:
        return handlers.commit(call, lambda unit, of: handlers.save_answers(unit, of, call.request))

    @serves(contract.send_application)
    def send_application(self, call: Call) -> Any:
        return handlers.send(call)

    @serves(contract.end_application)
    def end_application(self, call: Call) -> Any:
        return handlers.commit(call, handlers.end)
