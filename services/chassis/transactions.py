"""One transaction with a unit of work: of a call, of an event, or of a service's own work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.passports import Caller
from services.chassis.runtime import Runtime
from services.chassis.unit_of_work import CLIENT_ADDRESS, UnitOfWork

T = TypeVar("T")


def transact(
    runtime: Runtime,
    work: Callable[[UnitOfWork], T],
    *,
    caller: Caller | None,
    context: wire.CallContext,
    organisation: tuple[str | None, str | None],
) -> T:
    """Run `work(unit_of_work)` in one transaction within the organisation (id, key); its events leave right after.

    It is tried again when the database reports a lost race. Raises Refused(service_unavailable).
    """
    organisation_id, organisation_key = organisation
    has_events = False

    def run(session: Session) -> T:
        nonlocal has_events
        session.info[CLIENT_ADDRESS] = context.client_address
        unit = UnitOfWork(
            session,
            runtime.tables,
            runtime.service,
            caller=caller,
            context=context,
            organisation_id=organisation_id,
            organisation_key=organisation_key,
        )
        result = work(unit)
        has_events = unit.has_events
        return result

    result: T = runtime.database.write(organisation_id, run)
    if has_events:
        runtime.relay.wake()
    return result


def transact_as(
    runtime: Runtime, caller: Caller, work: Callable[[UnitOfWork], T], correlation_id: str | None = None
) -> T:
    """Run `work(unit_of_work)` in a transaction outside any call: the service's own work, or work on behalf of `caller`.

    `correlation_id` is the id of the job or delivery that the work belongs to; by default a new one.
    """
    return transact(
        runtime,
        work,
        caller=caller,
        context=wire.CallContext(wire.new_id(), correlation_id=correlation_id or wire.new_id()),
        organisation=(caller.organisation_id, caller.organisation_key),
    )


def itself(
    runtime: Runtime, organisation_id: str | None = None, organisation_key: str | None = None
) -> Caller:
    """The service itself as the caller. Leave the organisation out where the work learns it (`UnitOfWork.act_for`)."""
    return Caller("service", runtime.service, organisation_id, organisation_key)
