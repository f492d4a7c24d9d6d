"""Dry runs: the result that a bulk job would have now, counted in a few statements without changing anything.

It is a forecast: places may be taken or freed before the job runs, and capacity lines that are due are not settled first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.referrals.assignments.rules import Step, check_move_allowed, check_step
from services.referrals.bulk.rules import forecast, without_a_place
from services.referrals.calendar.queries import today_of
from services.referrals.capacity.claims import lines_of
from services.referrals.models import Referral
from services.referrals.queues.models import Queue
from services.referrals.queues.queries import has_program
from services.referrals.queues.rules import decline_reasons_of, find_status, outcomes_of, settings_of
from services.referrals.records.consent import count_without_consent, is_of_record_without_consent
from services.referrals.records.models import ContactRecord
from services.referrals.status_changes.handlers import named_status

_There = aliased(Referral)


def of_assignment(
    session: Session,
    queue: Queue,
    record_ids: Sequence[str],
    program_ids: Sequence[str],
    *,
    is_confirmed: bool,
) -> dict[str, Any]:
    """How many of these records would be assigned, and why the others would be refused."""
    known = _count(session, select(func.count()).where(ContactRecord.id.in_(record_ids)))
    assigned = select(func.count(Referral.contact_record_id.distinct())).where(
        Referral.contact_record_id.in_(record_ids),
        Referral.queue_id == queue.id,
        Referral.program_id.in_(program_ids),
        Referral.is_open,
    )
    already = _count(session, assigned)
    unshared = count_without_consent(session, queue, record_ids, program_ids)
    left_over = 0
    if _needs_places(queue, is_confirmed=is_confirmed):
        left_over = without_a_place(known - already - unshared, _free_places(session, program_ids))
    reasons = {
        "not_found": len(record_ids) - known,
        "already_assigned": already,
        "consent_required": unshared,
        "capacity_exhausted": left_over,
    }
    return forecast(len(record_ids), Counter(reasons))


def of_status_change(
    session: Session, referral_ids: Sequence[str], status_key: str, step: Step
) -> dict[str, Any]:
    """How many of these referrals may move to the status, and why the others would be refused. Ignores capacity."""
    columns = (Referral.queue_id, Referral.status, Referral.is_terminal, Referral.ended_by)
    groups = session.execute(
        select(*columns, func.count().label("found")).where(Referral.id.in_(referral_ids)).group_by(*columns)
    ).all()
    reasons: Counter[str] = Counter(not_found=len(referral_ids) - sum(group.found for group in groups))
    for group in groups:
        try:
            _check_move(session, group, status_key, step)
        except Refused as refusal:
            reasons[refusal.code] += group.found
    return forecast(len(referral_ids), reasons)


def of_reassignment(
    session: Session,
    referral_ids: Sequence[str],
    *,
    to_program_id: str,
    to_queue_id: str | None,
    is_confirmed: bool,
) -> dict[str, Any]:
    """How many of these open referrals would go to the other program, and why the others would be refused."""
    queue_id = to_queue_id or Referral.queue_id
    is_there = exists().where(
        _There.contact_record_id == Referral.contact_record_id,
        _There.queue_id == queue_id,
        _There.program_id == to_program_id,
        _There.is_open,
    )
    today = today_of(session, utc_now())
    groups = session.execute(
        select(
            Referral.queue_id,
            func.count().label("found"),
            func.count().filter(is_there).label("already"),
            func.count().filter(~is_there, is_of_record_without_consent(today)).label("unshared"),
        )
        .where(Referral.id.in_(referral_ids))
        .group_by(Referral.queue_id)
    ).all()
    reasons: Counter[str] = Counter(not_found=len(referral_ids) - sum(group.found for group in groups))
    wanted = 0
    for group in groups:
        queue = session.get_one(Queue, to_queue_id or group.queue_id)
        if not has_program(session, queue.id, to_program_id):
            reasons["program_not_in_queue"] += group.found
            continue
        reasons["already_assigned"] += group.already
        unshared = group.unshared if settings_of(queue).consent_required else 0
        reasons["consent_required"] += unshared
        if _needs_places(queue, is_confirmed=is_confirmed):
            wanted += group.found - group.already - unshared
    free = _free_places(session, [to_program_id])
    reasons["capacity_exhausted"] += without_a_place(wanted, free)
    return forecast(len(referral_ids), reasons)


def _check_move(session: Session, group: Any, status_key: str, step: Step) -> None:
    queue = session.get_one(Queue, group.queue_id)
    origin = find_status(queue.status_list(), group.status)
    assert origin is not None  # noqa: S101 - a queue cannot remove a status that has referrals
    target = named_status(queue, status_key)
    check_move_allowed(
        settings_of(queue), origin, target, is_ended=group.is_terminal, ended_by=group.ended_by
    )
    check_step(target, step, decline_reasons_of(queue), outcomes_of(queue))


def _needs_places(queue: Queue, *, is_confirmed: bool) -> bool:
    """Whether a full program refuses referrals, instead of putting them on the waitlist or taking them all the same."""
    when_full = settings_of(queue).when_full
    return when_full == "block" or (when_full == "warn" and not is_confirmed)


def _free_places(session: Session, program_ids: Sequence[str]) -> int | None:
    """The free places of all these programs together, None where one of them has no limit."""
    free = 0
    for program_id in program_ids:
        limits = [line for line in lines_of(session, program_id) if line.term_id is not None]
        if not limits:
            return None
        free += sum(max(0, line.total - line.used) for line in limits)
    return free


def _count(session: Session, statement: Any) -> int:
    return int(session.scalar(statement) or 0)
