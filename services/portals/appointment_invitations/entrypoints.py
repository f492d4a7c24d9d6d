"""Entrypoints of invitations to appointments."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import appointment_invitations as contract
from services.portals.appointment_invitations import handlers, queries
from services.portals.people.asking import add_person_names, require_people


class AppointmentInvitationEntrypoints:
    """What `Service` inherits."""

    @serves(contract.invite_to_appointment)
    def invite_to_appointment(self, call: Call) -> Any:
        require_people(call, call.request["person_ids"])
        return call.commit(handlers.invite_to_appointment)

    @serves(contract.list_appointment_invitations)
    def list_appointment_invitations(self, call: Call) -> Any:
        answer = call.read(queries.list_appointment_invitations)
        add_person_names(call, answer["items"])
        return answer
