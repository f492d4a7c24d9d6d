"""Commands of ReferralQs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals import queue_created
from services.referrals.directory.queries import get_program
from services.referrals.directory.rules import ResourceStatus, check_may_be_referred_to
from services.referrals.queues.models import Queue, QueueProgram, QueueStatus
from services.referrals.queues.queries import view_of
from services.referrals.queues.rules import (
    DEFAULT_STATUSES,
    FHIR_NEEDS_REASON,
    Status,
    check_queue_name,
    check_statuses,
    status_key,
)


def create_queue(unit: UnitOfWork, request: Any) -> dict[str, Any]:
    """Create a ReferralQ. Raises Refused `queue_name_taken`, `invalid_queue`, `invalid_status_list`."""
    name = check_queue_name(request["name"])
    statuses = check_statuses(
        DEFAULT_STATUSES if request["statuses"] is None else statuses_of(request["statuses"])
    )
    queue = Queue(
        id=wire.new_id(),
        name=name,
        name_key=name.casefold(),
        version=1,
        created_at=unit.now,
        updated_at=unit.now,
    )
    _claim_name(unit, queue)
    queue.statuses = [_status_row(status) for status in statuses]
    unit.audit("queue.created", "queue", queue.id, statuses=len(statuses))
    unit.publish(queue_created, queue.id, {"queue_id": queue.id})
    unit.session.flush()
    return view_of(unit.session, queue)


def add_program_to_queue(unit: UnitOfWork, request: Any) -> dict[str, Any]:
    """Link an active program to a ReferralQ; adding it again changes nothing.

    Raises Refused `not_found` (queue), `resource_not_found`, `not_a_program`, `resource_inactive`,
    `resource_not_referable`.
    """
    # The lock makes two who add at once take turns, so the second finds the program there.
    queue = unit.session.get(Queue, request["queue_id"], with_for_update=True)
    if queue is None:
        raise Refused("not_found", "There is no ReferralQ with this id.", "queue_id")
    program = get_program(unit.session, request["program_id"], "resource_not_found")
    if unit.session.get(QueueProgram, (queue.id, program.id)) is None:
        check_may_be_referred_to(ResourceStatus(program.status))
        unit.add(QueueProgram(queue_id=queue.id, program_id=program.id, added_at=unit.now))
        queue.version += 1
        queue.updated_at = unit.now
        unit.audit("queue.program_added", "queue", queue.id, program_id=program.id)
        unit.session.flush()
    return view_of(unit.session, queue)


def statuses_of(given: Sequence[Mapping[str, Any]]) -> list[Status]:
    """The statuses an editor gave, in order, with keys made from their labels and FHIR codes where none is given."""
    statuses: list[Status] = []
    for position, entry in enumerate(given):
        fhir = entry["fhir_status"] or _usual_fhir(position, entry["is_terminal"])
        key = status_key(entry["label"], [known.key for known in statuses])
        statuses.append(
            Status(
                key,
                entry["label"],
                position,
                entry["is_terminal"],
                fhir,
                reason_required=fhir in FHIR_NEEDS_REASON,
            )
        )
    return statuses


def _usual_fhir(position: int, is_terminal: bool) -> str:
    if is_terminal:
        return "completed"
    return "requested" if position == 0 else "in-progress"


def _claim_name(unit: UnitOfWork, queue: Queue) -> None:
    taken = Refused("queue_name_taken", "Another ReferralQ has this name.", "name")
    if unit.session.scalar(select(Queue.id).where(Queue.name_key == queue.name_key)) is not None:
        raise taken
    try:
        with unit.session.begin_nested():
            unit.add(queue)
    except IntegrityError:
        # Another transaction took the name between our look and our insert.
        raise taken from None


def _status_row(status: Status) -> QueueStatus:
    return QueueStatus(
        id=wire.new_id(),
        key=status.key,
        label=status.label,
        position=status.position,
        is_terminal=status.is_terminal,
        fhir_status=status.fhir_status,
        reason_required=status.reason_required,
        outcome_required=status.outcome_required,
    )
