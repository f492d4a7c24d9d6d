"""Entrypoints of the inbox."""

from __future__ import annotations

from typing import Any, cast

from services.chassis.operations import Call, carry_out, serves
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.contracts.portals import inbox as contract
from services.portals.inbox import handlers, queries
from services.portals.people import asking


class InboxEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_writing_rules)
    def get_writing_rules(self, call: Call) -> Any:
        return call.read(queries.get_writing_rules)

    @serves(contract.send_my_message)
    def send_my_message(self, call: Call) -> Any:
        person = asking.addressee(call, _about(call))
        return call.commit(handlers.send_my_message, call.caller, person)

    @serves(contract.reply_in_my_thread)
    def reply_in_my_thread(self, call: Call) -> Any:
        return call.commit(handlers.reply_in_my_thread, call.caller)

    @serves(contract.list_my_threads)
    def list_my_threads(self, call: Call) -> Any:
        return call.read(queries.list_my_threads)

    @serves(contract.get_my_thread)
    def get_my_thread(self, call: Call) -> Any:
        """One conversation. That it was opened is written before anything is handed out."""
        call.transact(lambda unit: carry_out(handlers.note_opened, (unit, call.caller), call.request, ()))
        return call.read(queries.get_my_thread)


def _about(call: Call) -> str:
    """The id of the person about whom the caller writes. Raises Refused `not_found`."""
    caller = cast(Caller, call.caller)  # the operation is not public
    person_id = call.request["person_id"] or caller.scope.get("person_id")
    if person_id is None:
        raise Refused("not_found", "Say about whom you write.", field="person_id")
    queries.require_writable(caller, person_id)
    return str(person_id)
