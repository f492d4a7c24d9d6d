"""Opening a referral: assign a contact record to a program, take a place or join the waitlist."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.referrals.assignments import referral_assigned, referral_waitlisted
from services.referrals.assignments.history import add_line_and_count, referral_facts
from services.referrals.assignments.queries import new_referral_view
from services.referrals.assignments.rules import Step, due_when_new
from services.referrals.assignments.standings import Standing, check_may_open, program_standing
from services.referrals.capacity.handlers import claim, exhausted
from services.referrals.capacity.queries import is_exhausted
from services.referrals.directory.models import Resource
from services.referrals.models import Referral
from services.referrals.queues.models import Queue
from services.referrals.queues.queries import absent as no_queue
from services.referrals.queues.queries import held_queue
from services.referrals.queues.rules import QueueSettings, first_status, settings_of
from services.referrals.records.consent import check_may_be_shared
from services.referrals.records.models import ContactRecord
from services.referrals.records.queries import get_record
from services.referrals.reports.facts import read_ahead


@dataclass(frozen=True, slots=True)
class Place:
    """A referral's share of a program's capacity: a counted place, a place on the waitlist, or neither."""

    line_id: str | None = None
    is_held: bool = False
    is_waiting: bool = False


def refuse_when_full(
    session: Session,
    is_repeated: Callable[[], bool],
    *,
    contact_record_id: str,
    queue_id: str,
    program_id: str,
    line_id: str | None,
    confirm: bool,
) -> None:
    """Refuse an assignment to a full program before anything is written. For all others the claim itself decides.

    Many callers who want the last places would otherwise queue for the database's write lock, only to be refused.
    Raises the same Refused as `assign_referral`.
    """
    if not is_exhausted(session, program_id, line_id):
        return
    if is_repeated():
        return  # the stored answer of an accepted request is repeated
    record = get_record(session, contact_record_id)
    queue = session.get(Queue, queue_id)
    if queue is None:
        raise no_queue()
    check_may_open(queue, program_standing(session, program_id, queue.id, record.id))
    # Consent comes before the question for `confirm`: a confirmed assignment must not fail for lack of it.
    check_may_be_shared(session, record, queue, utc_now())
    settings = settings_of(queue)
    if settings.when_full == "block" or (settings.when_full == "warn" and not confirm):
        raise _full(settings)


def assign_referral(
    unit: UnitOfWork,
    *,
    contact_record_id: str,
    queue_id: str,
    program_id: str,
    line_id: str | None,
    priority: str,
    note: str | None,
    confirm: bool,
) -> dict[str, Any]:
    """Assign a contact record to a program through a ReferralQ and take one of the program's places (S0-48).

    Raises Refused as `open_referral`, also `not_found` and `not_a_program`.
    """
    # The lock makes two assignments of one record take turns, so the second sees the first.
    record = get_record(unit.session, contact_record_id, lock=True)
    queue = held_queue(unit.session, queue_id)
    standing = program_standing(unit.session, program_id, queue.id, record.id)
    referral = open_referral(
        unit,
        record,
        queue,
        standing,
        note=note,
        line_id=line_id,
        priority=priority,
        is_confirmed=confirm,
    )
    return new_referral_view(unit.session, unit.caller, referral, queue, standing.program, record)


def open_referral(
    unit: UnitOfWork,
    record: ContactRecord,
    queue: Queue,
    standing: Standing,
    *,
    is_confirmed: bool,
    note: str | None = None,
    line_id: str | None = None,
    priority: str = "routine",
    offer_id: str | None = None,
    place: Place | None = None,
    replaces_id: str | None = None,
) -> Referral:
    """Open one referral with its place, history, audit and events.

    The caller holds the queue's row, and the record's unless it is new. Where the program is full, the queue's settings
    say whether the referral is refused, waits or is opened all the same; `is_confirmed` answers their warning. `place`
    is one that another referral hands over. Raises Refused `conflict` (inactive queue), `program_not_in_queue`,
    `resource_inactive`, `resource_not_referable`, `already_assigned`, `capacity_exhausted`.
    """
    check_may_open(queue, standing)
    check_may_be_shared(unit.session, record, queue, unit.now)
    program_id = standing.program.id
    # A claim makes other claims of the same line wait, so everything that can be read is read before it.
    read_ahead(unit, queue.id, first_status(queue.status_list()).key, [program_id])
    place = place or _take_place(unit, settings_of(queue), program_id, line_id, is_confirmed)
    referral = _new(unit, record, queue, program_id, place, note=note, priority=priority, offer_id=offer_id)
    _begin(unit, [referral], queue, replaces_id)
    return referral


def ask_programs(
    unit: UnitOfWork,
    record: ContactRecord,
    queue: Queue,
    programs: Sequence[Resource],
    *,
    note: str | None,
    priority: str,
    offer_id: str,
) -> list[Referral]:
    """Open a referral to each of these programs, as the parts of an offer. None of them takes a place.

    The caller has checked each program (`check_may_open`).
    """
    check_may_be_shared(unit.session, record, queue, unit.now)
    ids = [program.id for program in programs]
    read_ahead(unit, queue.id, first_status(queue.status_list()).key, ids)
    referrals = [
        _new(unit, record, queue, each, Place(), note=note, priority=priority, offer_id=offer_id)
        for each in ids
    ]
    _begin(unit, referrals, queue)
    return referrals


def _new(
    unit: UnitOfWork,
    record: ContactRecord,
    queue: Queue,
    program_id: str,
    place: Place,
    *,
    note: str | None,
    priority: str,
    offer_id: str | None,
) -> Referral:
    statuses = queue.status_list()
    return Referral(
        id=wire.new_id(),
        contact_record_id=record.id,
        queue_id=queue.id,
        program_id=program_id,
        status=first_status(statuses).key,
        status_since=unit.now,
        is_terminal=False,
        note=note,
        priority=priority,
        holds_capacity=place.is_held,
        capacity_line_id=place.line_id,
        is_waitlisted=place.is_waiting,
        waitlisted_at=unit.now if place.is_waiting else None,
        assigned_at=unit.now,
        # An answer is due only once the referral has a place.
        due_at=None if place.is_waiting else due_when_new(settings_of(queue), statuses, unit.now),
        offer_id=offer_id,
        consent_ends_at=record.consent_ends_at,
        updated_at=unit.now,
        version=1,
    )


def _begin(
    unit: UnitOfWork, referrals: Sequence[Referral], queue: Queue, replaces_id: str | None = None
) -> None:
    """Write new referrals with their history, audit and events, each kind in one statement."""
    status = first_status(queue.status_list())
    unit.session.add_all(referrals)
    unit.session.flush()  # before their history, which refers to them
    for referral in referrals:
        kind = "waitlisted" if referral.is_waitlisted else "assigned"
        add_line_and_count(unit, referral, kind, None, status, Step(referral.note))
        ids = {"queue_id": queue.id, "program_id": referral.program_id}
        unit.audit(f"referral.{kind}", "referral", referral.id, **ids)
        _tell(unit, referral, replaces_id)


def _take_place(
    unit: UnitOfWork, settings: QueueSettings, program_id: str, line_id: str | None, is_confirmed: bool
) -> Place:
    # A place that has just become free belongs to the referrals that wait for it, before any new one.
    waited_for = lines_waited_for(unit.session, program_id)
    if waited_for.isdisjoint({None, line_id}):
        try:
            counted = claim(unit, program_id, line_id, but=waited_for)
            return Place(counted, is_held=counted is not None)
        except Refused as refused:
            if refused.code != "capacity_exhausted":
                raise
    if settings.when_full == "waitlist":
        return Place(line_id, is_waiting=True)
    if settings.when_full == "warn" and is_confirmed:
        return Place()
    raise _full(settings)


def lines_waited_for(session: Session, program_id: str) -> set[str | None]:
    """The lines of a program for whose places referrals wait; None among them: one waits for any place."""
    waiting = select(Referral.capacity_line_id).where(Referral.program_id == program_id, Referral.is_waiting)
    return set(session.scalars(waiting.distinct()))


def _full(settings: QueueSettings) -> Refused:
    if settings.when_full != "warn":
        return exhausted()
    detail = "The program has no free capacity; send `confirm: true` to refer to it all the same."
    return Refused("capacity_exhausted", detail, "program_id", may_confirm=True)


def _tell(unit: UnitOfWork, referral: Referral, replaces_id: str | None) -> None:
    facts = referral_facts(unit, referral)
    told = {
        **facts,
        "status": referral.status,
        "priority": referral.priority,
        "is_waitlisted": referral.is_waitlisted,
    }
    unit.publish(
        referral_assigned, referral.id, {**told, **({"replaces_id": replaces_id} if replaces_id else {})}
    )
    if referral.is_waitlisted:
        unit.publish(referral_waitlisted, referral.id, {**facts, "priority": referral.priority})
