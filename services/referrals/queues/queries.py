"""Queries about ReferralQs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.referrals.access.access_scope import AccessScope, access_scope_of
from services.referrals.directory.models import Resource
from services.referrals.models import QueueProgram, Referral
from services.referrals.queues.models import Queue
from services.referrals.queues.rules import settings_of


def list_queues(session: Session, caller: Caller | None, *, include_inactive: bool) -> dict[str, Any]:
    """The ReferralQs by name, inactive ones only with `include_inactive`.

    A provider sees only the ReferralQs of its own programs, and in them only these programs.
    """
    statement = _in_reach(access_scope_of(caller)).order_by(Queue.name_key, Queue.id)
    if not include_inactive:
        statement = statement.where(Queue.is_active)
    queues = session.scalars(statement).all()
    return {"items": _views(session, queues, access_scope_of(caller))}


def get_queue(session: Session, caller: Caller | None, *, queue_id: str) -> dict[str, Any]:
    """One ReferralQ. Raises Refused `not_found`."""
    scope = access_scope_of(caller)
    queue = session.scalars(_in_reach(scope).where(Queue.id == queue_id)).one_or_none()
    if queue is None:
        raise absent()
    return _views(session, [queue], scope)[0]


def describe_queue(session: Session, _caller: Caller | None, *, queue_id: str) -> dict[str, Any]:
    """The text that a ReferralQ adds to the e-mail about an assignment, for notifications. Raises Refused `not_found`."""
    queue = session.get(Queue, queue_id)
    if queue is None:
        raise absent()
    return {"queue_id": queue.id, "assignment_email_text": settings_of(queue).assignment_email_text}


def view_of(session: Session, queue: Queue) -> dict[str, Any]:
    """The whole ReferralQ, for staff."""
    return _views(session, [queue], AccessScope(everything=True))[0]


def held_queue(session: Session, queue_id: str) -> Queue:
    """The queue's row under a shared lock, which keeps the queue unchanged until the transaction ends.

    So while a referral moves in the queue, no status can be removed and the queue cannot be deactivated. Raises Refused
    `not_found`.
    """
    # Locked once for each transaction: one that works on many referrals does not ask again for each.
    held: dict[str, Queue] = session.info.setdefault("held_queues", {})
    if queue_id not in held:
        queue = session.get(Queue, queue_id, with_for_update={"read": True}, populate_existing=True)
        if queue is None:
            raise absent()
        held[queue_id] = queue
    return held[queue_id]


def absent() -> Refused:
    """The refusal for a queue that does not exist, or that the caller may not see."""
    return Refused("not_found", "There is no ReferralQ with this id.", "queue_id")


def has_program(session: Session, queue_id: str, program_id: str) -> bool:
    """Whether a program takes referrals through a queue."""
    return session.get(QueueProgram, (queue_id, program_id)) is not None


def keys_in_use(session: Session, queue_id: str) -> set[str]:
    """Keys of the statuses at which referrals of this queue stand, open or ended."""
    return set(session.scalars(select(Referral.status).where(Referral.queue_id == queue_id).distinct()))


def count_open(session: Session, queue_id: str, program_id: str | None = None) -> dict[str, int]:
    """The number of open referrals of this queue (to this program) by status key, without statuses that have none."""
    statement = (
        select(Referral.status, func.count().label("open"))
        .where(Referral.queue_id == queue_id, Referral.is_open)
        .group_by(Referral.status)
        .order_by(Referral.status)
    )
    if program_id is not None:
        statement = statement.where(Referral.program_id == program_id)
    return {row.status: row.open for row in session.execute(statement)}


def _in_reach(scope: AccessScope) -> Select[Queue]:
    if scope.everything:
        return select(Queue)
    own = select(QueueProgram.queue_id).where(scope.of_referrals(QueueProgram.program_id))
    return select(Queue).where(Queue.id.in_(own))


def _views(session: Session, queues: Sequence[Queue], scope: AccessScope) -> list[dict[str, Any]]:
    statement = (
        select(QueueProgram.queue_id, Resource.id, Resource.name)
        .join(Resource, Resource.id == QueueProgram.program_id)
        .where(
            QueueProgram.queue_id.in_([queue.id for queue in queues]),
            scope.of_referrals(QueueProgram.program_id),
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
            "description": queue.description,
            "is_active": queue.is_active,
            "statuses": queue.status_list(),
            "programs": programs[queue.id],
            "settings": settings_of(queue),
            "forms": queue.forms,
        }
        for queue in queues
    ]
