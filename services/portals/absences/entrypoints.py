"""Entrypoints of absences."""

from __future__ import annotations

from typing import Any

from services.chassis.events import IncomingEvent, listens
from services.chassis.operations import Call, serves
from services.contracts.identity import accounts
from services.contracts.portals import absences as contract
from services.contracts.portals.messages import WORK
from services.portals.absences import handlers, queries
from services.portals.people import asking


class AbsencesEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_my_absence)
    def get_my_absence(self, call: Call) -> Any:
        answer = call.read(queries.get_my_absence)
        asking.add_names(call, surrogate_id=[answer], account_id=answer["colleagues"])
        return answer

    @serves(contract.set_my_absence)
    def set_my_absence(self, call: Call) -> Any:
        if call.request["surrogate_id"] is not None:
            asking.require_worker(call, call.request["surrogate_id"], WORK, "surrogate_id")
        return call.commit(handlers.set_my_absence, call.caller)

    @serves(contract.end_my_absence)
    def end_my_absence(self, call: Call) -> Any:
        return call.commit(handlers.end_my_absence, call.caller)

    @listens(accounts.account_disabled)
    def on_account_disabled(self, incoming: IncomingEvent) -> None:
        """It stands in for nobody."""
        incoming.apply(handlers.stand_in_no_more)
