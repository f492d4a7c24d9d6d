"""Entrypoints of messages."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import messages as contract
from services.portals.messages import handlers, queries
from services.portals.people import asking


class MessagesEntrypoints:
    """What `Service` inherits."""

    @serves(contract.list_correspondence)
    def list_correspondence(self, call: Call) -> Any:
        call.note_reading("correspondence.read", "person", call.request["person_id"])
        answer = call.read(queries.list_correspondence)
        asking.add_names(call, author_id=answer["items"])
        return answer

    @serves(contract.start_message)
    def start_message(self, call: Call) -> Any:
        person = asking.addressee(call, call.request["person_id"])
        return call.commit(handlers.start_message, person)
