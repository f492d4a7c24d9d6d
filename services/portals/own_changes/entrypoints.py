"""Entrypoints of changes that people ask for."""

from __future__ import annotations

from typing import Any, cast

from services.chassis.operations import Call, serves
from services.chassis.passports import Caller
from services.contracts.portals import own_changes as contract
from services.portals.own_changes import details, handlers, queries
from services.portals.people import asking
from services.portals.published_items.handlers import checked_values


class OwnChangesEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_my_sections)
    def get_my_sections(self, call: Call) -> Any:
        answer = call.read(queries.get_my_sections)
        call.note_reading("items.read", "person", answer["person_id"], person_id=answer["person_id"])
        return answer

    @serves(contract.request_my_change)
    def request_my_change(self, call: Call) -> Any:
        request = call.request
        kind = contract.KIND_OF_SECTION[request["section"]]
        values = None if request["values"] is None else checked_values(kind, request["values"])
        person = asking.addressee(call, queries.own_person(cast(Caller, call.caller)))
        return call.commit(handlers.request_my_change, call.caller, person, values)

    @serves(contract.get_own_change)
    def get_own_change(self, call: Call) -> Any:
        answer = details.with_present_values(call, call.read(queries.get_own_change))
        call.note_reading("queue_item.read", "queue_item", answer["item_id"], person_id=answer["person_id"])
        return answer

    @serves(contract.request_my_details_change)
    def request_my_details_change(self, call: Call) -> Any:
        return details.request_my_details_change(call)

    @serves(contract.list_my_details_changes)
    def list_my_details_changes(self, call: Call) -> Any:
        return call.read(details.list_my_details_changes)

    @serves(contract.accept_own_details)
    def accept_own_details(self, call: Call) -> Any:
        return details.accept_own_details(call)

    @serves(contract.accept_own_change)
    def accept_own_change(self, call: Call) -> Any:
        return call.commit(handlers.accept_own_change)
