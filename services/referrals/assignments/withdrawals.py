"""How a referral's sender ends it, and how its place becomes free."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.referrals.assignments import referral_withdrawn
from services.referrals.access.rules import SENDER
from services.referrals.assignments.history import add_line_and_count, referral_facts, status_of, touch
from services.referrals.assignments.rules import TAKING_BACK, Step, status_for
from services.referrals.capacity.handlers import release
from services.referrals.directory.models import Resource
from services.referrals.models import Referral
from services.referrals.queues.models import Queue
from services.referrals.queues.queries import held_queue
from services.referrals.queues.rules import Status
from services.referrals.records.models import ContactRecord
from services.referrals.reports.facts import places_of, read_ahead


def give_place_back(unit: UnitOfWork, referral: Referral) -> None:
    """Free the capacity that an ending referral holds, or its place on the waitlist."""
    if referral.holds_capacity and referral.capacity_line_id is not None:
        release(unit, referral.capacity_line_id)
    referral.holds_capacity = referral.is_waitlisted = False


def take_back(unit: UnitOfWork, referral: Referral, kind: str, step: Step) -> None:
    """End a referral as its sender: at the queue's cancelled status, or at its present status where the queue has none."""
    queue = held_queue(unit.session, referral.queue_id)
    origin, target = status_of(queue, referral), _target(queue, referral)
    give_place_back(unit, referral)
    if target.key != origin.key:
        referral.status, referral.status_since = target.key, unit.now
    if not referral.is_terminal:
        referral.ended_at, referral.reason_code = unit.now, step.reason_code
    referral.is_terminal, referral.ended_by = True, SENDER
    referral.due_at = None
    referral.note = step.note or referral.note
    touch(unit, referral)
    add_line_and_count(unit, referral, kind, origin, target, step)


def read_ahead_of_all(unit: UnitOfWork, referrals: Sequence[Referral]) -> list[Any]:
    """Load in a few statements the rows that taking these referrals back reads one by one.

    The caller keeps the list until it has finished: the session forgets a row that nothing refers to.
    """
    cells: dict[tuple[str, str], set[str]] = defaultdict(set)
    for referral in referrals:
        queue = held_queue(unit.session, referral.queue_id)
        cells[queue.id, _target(queue, referral).key].add(referral.program_id)
    for (queue_id, status), program_ids in cells.items():
        read_ahead(unit, queue_id, status, program_ids)
    records = {referral.contact_record_id for referral in referrals}
    programs = {referral.program_id for referral in referrals}
    return [
        *places_of(unit.session, [referral.id for referral in referrals]),
        *unit.session.scalars(select(ContactRecord).where(ContactRecord.id.in_(records))),
        *unit.session.scalars(select(Resource).where(Resource.id.in_(programs))),
    ]


def _target(queue: Queue, referral: Referral) -> Status:
    origin = status_of(queue, referral)
    return origin if referral.is_terminal else status_for(queue.status_list(), TAKING_BACK) or origin


def withdraw(unit: UnitOfWork, referral: Referral, step: Step) -> None:
    """Take a locked referral back with a reason and publish it. Its provider no longer sees it (S0-46)."""
    take_back(unit, referral, "withdrawn", step)
    unit.audit("referral.withdrawn", "referral", referral.id, reason_code=step.reason_code)
    unit.publish(
        referral_withdrawn, referral.id, {**referral_facts(unit, referral), "reason_code": step.reason_code}
    )
