"""Reading a feed: its secret names it, and identity says whether its account may still see the appointments."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call
from services.contracts.identity import accounts, recipients
from services.portals.calendar_feeds import calendar, handlers, queries


def read_calendar_feed(call: Call) -> Any:
    """The calendar. Raises Refused `not_found`, also once the account or its access has ended, `too_many_requests`."""
    feed = call.transact(lambda unit: handlers.note_reading(unit, call.request["token"]))

    def ask(operation: Any, **request: Any) -> Any:
        return call.runtime.ask(operation, request, organisation=feed.organisation, context=call.context)

    # Whoever may see the schedule is told of it.
    told = ask(recipients.list_person_recipients, person_id=feed.person_id, booked_by=feed.account_id)
    if feed.account_id not in {each["account_id"] for each in told["persons"]}:
        raise handlers.gone()
    organisation = ask(accounts.describe_account, account_id=feed.account_id)["organisation_name"]
    with call.reading(feed.organisation[0]) as session:
        text = calendar.written(queries.shown_in(session, feed.person_id), organisation)
    return call.operation.reply.dump({"calendar": text})
