"""Questions about ReferralQs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.referrals.directory.models import Resource
from services.referrals.queues.models import Queue, QueueProgram
from services.referrals.reach import Reach, reach_of


def list_queues(session: Session, caller: Caller | None, _request: Any) -> dict[str, Any]:
    """The ReferralQs by name. Others than staff see those of the programs in reach, and only these programs."""
    queues = session.scalars(_in_reach(reach_of(caller)).order_by(Queue.name_key, Queue.id)).all()
    return {"items": _views(session, queues, reach_of(caller))}


def get_queue(session: Session, caller: Caller | None, request: Any) -> dict[str, Any]:
    """One ReferralQ. Raises Refused `not_found`."""
    reach = reach_of(caller)
    queue = session.scalars(_in_reach(reach).where(Queue.id == request["queue_id"])).one_or_none()
    if queue is None:
        raise Refused("not_found", "There is no ReferralQ with this id.", "queue_id")
    return _views(session, [queue], reach)[0]


def view_of(session: Session, queue: Queue) -> dict[str, Any]:
    """The whole ReferralQ, for staff."""
    return _views(session, [queue], Reach(everything=True))[0]


def has_program(session: Session, queue_id: str, program_id: str) -> bool:
    """Whether a program takes referrals through a queue."""
    return session.get(QueueProgram, (queue_id, program_id)) is not None


def _in_reach(reach: Reach) -> Any:
    if reach.everything:
        return select(Queue)
    own = select(QueueProgram.queue_id).where(reach.of_referrals(QueueProgram.program_id))
    return select(Queue).where(Queue.id.in_(own))


def _views(session: Session, queues: Sequence[Queue], reach: Reach) -> list[dict[str, Any]]:
    statement = (
        select(QueueProgram.queue_id, Resource.id, Resource.name)
        .join(Resource, Resource.id == QueueProgram.program_id)
        .where(
            QueueProgram.queue_id.in_([queue.id for queue in queues]),
            reach.of_referrals(QueueProgram.program_id),
        )
        .order_by(Resource.search_key, Resource.id)
    )
    programs: dict[str, list[dict[str, str]]] = defaultdict(list)
    for queue_id, program_id, name in session.execute(statement):
        programs[queue_id].append({"id": program_id, "name": name})
    return [
        {
            "id": queue.id,
            "version": queue.version,
            "name": queue.name,
            "is_active": queue.is_active,
            "statuses": queue.statuses,
            "programs": programs[queue.id],
        }
        for queue in queues
    ]
