"""Transactions of a call that must not be remembered under its request id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork

T = TypeVar("T")


def transact(call: Call, work: Callable[[UnitOfWork], T]) -> T:
    """Run `work(unit_of_work)` in one transaction and return what it returns.

    `Call.commit` repeats a request id's answer and undoes everything on a refusal. That is wrong for counting
    a failed log-in, which must stay counted; for a link, where a message that is rendered again needs a new
    token; and for the audit row of a question, whose answer must not be kept.
    """
    has_events = False

    def run(session: Session) -> T:
        nonlocal has_events
        unit = UnitOfWork(
            session,
            call.runtime.tables,
            call.runtime.service,
            caller=call.caller,
            context=call.context,
            organisation_id=call.organisation_id,
            organisation_key=call.caller.organisation_key if call.caller else None,
        )
        answer = work(unit)
        has_events = unit.has_events
        return answer

    answer: T = call.runtime.database.write(call.organisation_id, run)
    if has_events:
        call.runtime.relay.wake()
    return answer
