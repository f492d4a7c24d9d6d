"""The waitlist: a place that becomes free goes to the most urgent referral, among equals to the longest waiting.

Two events of referrals lead here after they are committed: a capacity changed, or a referral joined the waitlist. The
later of the two always finds both the free place and the waiting referral, whichever transaction committed first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import case, or_, select
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals.assignments import referral_promoted
from services.referrals.assignments.history import add_line_and_count, referral_facts, status_of, touch
from services.referrals.assignments.rules import PRIORITIES, Step, due_when_new
from services.referrals.capacity.handlers import claim
from services.referrals.models import Referral
from services.referrals.queues.queries import held_queue
from services.referrals.queues.rules import settings_of

MOST_AT_ONCE = 100


def has_waiting_referral(session: Session, program_id: str) -> bool:
    """Whether a referral waits for this program. Read before a transaction is opened, to save one."""
    waiting = select(Referral.id).where(Referral.program_id == program_id, Referral.is_waiting)
    return session.scalars(waiting.limit(1)).first() is not None


def on_capacity_changed(unit: UnitOfWork, data: Mapping[str, Any]) -> None:
    """Give the free places of a program, or of one of its lines, to the referrals that wait for them."""
    line_id = data.get("line_id")
    # Without a free place the line may limit nobody any more; then all who wait are let in.
    most = data["free"] or MOST_AT_ONCE
    _promote(unit, data["program_id"], {None, line_id} if line_id else None, most)


def on_referral_waitlisted(unit: UnitOfWork, data: Mapping[str, Any]) -> None:
    """Look for a place again: one may have become free while the referral was put on the waitlist."""
    referral = unit.session.get_one(Referral, data["referral_id"])
    _promote(unit, data["program_id"], {referral.capacity_line_id}, 1)


def _promote(unit: UnitOfWork, program_id: str, wishes: Collection[str | None] | None, most: int) -> None:
    full: set[str | None] = set()
    # Locks are taken in the order used everywhere, referral before capacity: all referrals before the first claim.
    for referral in _first_waiting(unit.session, program_id, wishes, min(most, MOST_AT_ONCE)):
        wished = referral.capacity_line_id
        if wished in full or None in full:
            continue
        try:
            counted = claim(unit, program_id, wished)
        except Refused as refused:
            if refused.code != "capacity_exhausted":
                raise
            full.add(wished)
            continue
        _give_place(unit, referral, counted)


def _first_waiting(
    session: Session, program_id: str, wishes: Collection[str | None] | None, most: int
) -> list[Referral]:
    """The first `most` waiting referrals of a program, locked, in the waitlist's order.

    `wishes` are the lines that they wait for, of which None means any line; without `wishes` all of them count.
    """
    rank = case({name: place for place, name in enumerate(PRIORITIES)}, value=Referral.priority)
    statement = select(Referral).where(Referral.program_id == program_id, Referral.is_waiting)
    if wishes is not None:
        line = Referral.capacity_line_id
        statement = statement.where(
            or_(line.in_([each for each in wishes if each]), *[line.is_(None)] * (None in wishes))
        )
    first = statement.order_by(rank, Referral.waitlisted_at, Referral.id).limit(most)
    return list(session.scalars(first.with_for_update(of=Referral)))


def _give_place(unit: UnitOfWork, referral: Referral, counted: str | None) -> None:
    queue = held_queue(unit.session, referral.queue_id)
    status = status_of(queue, referral)
    referral.is_waitlisted = False
    referral.holds_capacity, referral.capacity_line_id = counted is not None, counted
    if status.stage == "offered":
        referral.due_at = due_when_new(settings_of(queue), queue.status_list(), unit.now)
    touch(unit, referral)
    add_line_and_count(unit, referral, "promoted", status, status, Step())
    unit.audit("referral.promoted", "referral", referral.id, program_id=referral.program_id)
    unit.publish(referral_promoted, referral.id, referral_facts(unit, referral))
