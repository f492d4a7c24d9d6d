"""Open a referral: assign a contact record to a program, take a place or wait for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals import referral_assigned
from services.contracts.referrals_assignments import referral_waitlisted
from services.referrals.assignments.history import add_line, facts_of
from services.referrals.assignments.models import Referral
from services.referrals.assignments.queries import limited_referral
from services.referrals.assignments.rules import Step, due_when_new
from services.referrals.capacity.handlers import claim, exhausted
from services.referrals.capacity.queries import is_exhausted
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import get_program
from services.referrals.directory.rules import ResourceStatus, check_may_be_referred_to
from services.referrals.queues.models import Queue
from services.referrals.queues.queries import has_program, held_queue
from services.referrals.queues.rules import QueueSettings, first_status, settings_of
from services.referrals.reach import reach_of
from services.referrals.records.models import ContactRecord
from services.referrals.records.queries import get_record


@dataclass(frozen=True, slots=True)
class Place:
    """What a referral has of a program's capacity: a counted place, a place on the waitlist, or neither."""

    line_id: str | None = None
    is_held: bool = False
    is_waiting: bool = False


def refuse_when_full(
    session: Session, caller: Caller | None, request: Any, is_repeated: Callable[[], bool]
) -> None:
    """Refuse an assignment to a full program without a write; the claim itself decides about all others.

    A crowd that wants the last places would otherwise queue for the database's write lock only to be refused.
    Raises the same Refused as `assign_referral`.
    """
    if not is_exhausted(session, request["program_id"], request["line_id"]):
        return
    if is_repeated():
        return  # an accepted request has its answer already
    record, queue, program = _rows(session, caller, request)
    check_may_open(session, record, queue, program)
    settings = settings_of(queue)
    if settings.when_full == "block" or (settings.when_full == "warn" and not request["confirm"]):
        raise _full(settings)


def assign_referral(unit: UnitOfWork, request: Any) -> dict[str, Any]:
    """Assign a contact record to a program through a ReferralQ and take one of the program's places (S0-48).

    Raises Refused as `open_referral`, and `not_found`, `not_a_program`.
    """
    # The lock makes two assignments of one record take turns, so the second sees the first.
    record, queue, program = _rows(unit.session, unit.caller, request, lock=True)
    referral = open_referral(
        unit,
        record,
        queue,
        program,
        note=request["note"],
        line_id=request["line_id"],
        priority=request["priority"],
        is_confirmed=request["confirm"],
    )
    return limited_referral(unit.session, unit.caller, referral.id)


def open_referral(
    unit: UnitOfWork,
    record: ContactRecord,
    queue: Queue,
    program: Resource,
    *,
    note: str | None = None,
    line_id: str | None = None,
    priority: str = "routine",
    offer_id: str | None = None,
    is_confirmed: bool = False,
    place: Place | None = None,
    replaces_id: str | None = None,
) -> Referral:
    """One new referral with its place, history, audit and events. The record's row must be locked, or new.

    A full program refuses, waits or goes on as the queue's settings say; `is_confirmed` answers a warning. `place` is
    one that is handed over with it. Raises Refused `conflict` (inactive queue), `program_not_in_queue`,
    `resource_inactive`, `resource_not_referable`, `already_assigned`, `capacity_exhausted`.
    """
    queue = held_queue(unit.session, queue.id)
    check_may_open(unit.session, record, queue, program)
    settings, statuses = settings_of(queue), queue.status_list()
    place = place or _take_place(unit, settings, program.id, line_id, is_confirmed)
    referral = Referral(
        id=wire.new_id(),
        contact_record_id=record.id,
        queue_id=queue.id,
        program_id=program.id,
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
        # Nobody can answer before there is a place.
        due_at=None if place.is_waiting else due_when_new(settings, statuses, unit.now),
        offer_id=offer_id,
        updated_at=unit.now,
        version=1,
    )
    unit.add(referral)
    unit.session.flush()
    kind = "waitlisted" if place.is_waiting else "assigned"
    add_line(unit, referral, kind, None, first_status(statuses), Step(note))
    unit.audit(f"referral.{kind}", "referral", referral.id, queue_id=queue.id, program_id=program.id)
    _tell(unit, referral, replaces_id)
    return referral


def check_may_open(session: Session, record: ContactRecord, queue: Queue, program: Resource) -> None:
    """Raise Refused unless this record may be referred to this program through this queue now."""
    check_may_refer(session, queue, program)
    refuse_if_open(session, record.id, queue.id, program.id)


def check_may_refer(session: Session, queue: Queue, program: Resource) -> None:
    """Raise Refused unless anybody may be referred to this program through this queue now."""
    if not queue.is_active:
        raise Refused("conflict", "The ReferralQ is inactive; choose another one.", "queue_id")
    if not has_program(session, queue.id, program.id):
        raise Refused(
            "program_not_in_queue", "The program takes no referrals through this ReferralQ.", "program_id"
        )
    check_may_be_referred_to(ResourceStatus(program.status))


def refuse_if_open(session: Session, contact_record_id: str, queue_id: str, program_id: str) -> None:
    """Raise Refused `already_assigned` where the record has an open referral there."""
    is_open = select(Referral.id).where(
        Referral.contact_record_id == contact_record_id,
        Referral.queue_id == queue_id,
        Referral.program_id == program_id,
        Referral.is_terminal.is_(False),
    )
    if session.scalars(is_open.limit(1)).first() is not None:
        detail = "The contact record has an open referral to this program in this ReferralQ."
        raise Refused("already_assigned", detail, "contact_record_id")


def active_queue_and_program(session: Session, queue_id: str, program_id: str) -> tuple[Queue, Resource]:
    """The rows. Raises Refused `not_found`, `not_a_program`."""
    queue = session.get(Queue, queue_id)
    if queue is None:
        raise Refused("not_found", "There is no ReferralQ with this id.", "queue_id")
    return queue, get_program(session, program_id)


def _rows(
    session: Session, caller: Caller | None, request: Any, *, lock: bool = False
) -> tuple[ContactRecord, Queue, Resource]:
    reach_of(caller).require_everything()
    record = get_record(session, request["contact_record_id"], lock=lock)
    return record, *active_queue_and_program(session, request["queue_id"], request["program_id"])


def _take_place(
    unit: UnitOfWork, settings: QueueSettings, program_id: str, line_id: str | None, is_confirmed: bool
) -> Place:
    # A place that has just become free belongs to whoever waits for it, not to whoever comes by.
    if not is_waited_for(unit.session, program_id, line_id):
        try:
            counted = claim(unit, program_id, line_id)
            return Place(counted, is_held=counted is not None)
        except Refused as refused:
            if refused.code != "capacity_exhausted":
                raise
    if settings.when_full == "waitlist":
        return Place(line_id, is_waiting=True)
    if settings.when_full == "warn" and is_confirmed:
        return Place()
    raise _full(settings)


def is_waited_for(session: Session, program_id: str, line_id: str | None = None) -> bool:
    """Whether a referral waits for a place of this program, or of this line of it."""
    waiting = select(Referral.id).where(
        Referral.program_id == program_id,
        Referral.is_waitlisted,
        Referral.capacity_line_id.is_not_distinct_from(line_id),
    )
    return session.scalars(waiting.limit(1)).first() is not None


def _full(settings: QueueSettings) -> Refused:
    if settings.when_full != "warn":
        return exhausted()
    detail = "The program has no free capacity; send `confirm: true` to refer to it all the same."
    return Refused("capacity_exhausted", detail, "program_id", may_confirm=True)


def _tell(unit: UnitOfWork, referral: Referral, replaces_id: str | None) -> None:
    facts = facts_of(unit, referral)
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
