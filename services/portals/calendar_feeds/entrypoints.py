"""Entrypoints of calendar feeds."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.portals import calendar_feeds as contract
from services.portals.calendar_feeds import handlers, queries, workflows


class CalendarFeedsEntrypoints:
    """What `Service` inherits."""

    @serves(contract.get_my_calendar_feed)
    def get_my_calendar_feed(self, call: Call) -> Any:
        return call.read(queries.get_my_calendar_feed)

    @serves(contract.make_my_calendar_feed)
    def make_my_calendar_feed(self, call: Call) -> Any:
        return call.commit(handlers.make_my_calendar_feed, call.caller)

    @serves(contract.revoke_my_calendar_feed)
    def revoke_my_calendar_feed(self, call: Call) -> Any:
        return call.commit(handlers.revoke_my_calendar_feed, call.caller)

    @serves(contract.read_calendar_feed)
    def read_calendar_feed(self, call: Call) -> Any:
        return workflows.read_calendar_feed(call)
