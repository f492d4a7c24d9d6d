"""Reading a feed: its secret names it, and identity says whether its account may still see the appointments."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call
from services.contracts.identity import accounts, passports
from services.portals.calendar_feeds import calendar, handlers, queries
from services.portals.my_appointments.access import SEE


def read_calendar_feed(call: Call) -> Any:
    """The calendar. Raises Refused `not_found`, also once the account or its access has ended, `too_many_requests`."""
    feed = call.transact(lambda unit: handlers.note_reading(unit, call.request["token"]))

    def ask(operation: Any, **request: Any) -> Any:
        return call.runtime.ask(operation, request, organisation=feed.organisation, context=call.context)

    wanted = {"account_id": feed.account_id, "permission": SEE, "person_id": feed.person_id}
    if not ask(passports.check_permission, **wanted)["is_allowed"]:
        raise handlers.gone()
    organisation = ask(accounts.describe_account, account_id=feed.account_id)["organisation_name"]
    with call.reading(feed.organisation[0]) as session:
        text = calendar.written(queries.shown_in(session, feed.person_id), organisation)
    return call.operation.reply.dump({"calendar": text})
