"""Commands of referrals: assign a contact record to a program, move the referral through its queue's statuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals import referral_assigned, referral_status_changed
from services.referrals.assignments.models import Referral, StatusChange
from services.referrals.assignments.queries import limited_referral
from services.referrals.assignments.rules import check_reason_given
from services.referrals.capacity.handlers import claim, exhausted, release
from services.referrals.capacity.queries import is_exhausted
from services.referrals.directory.models import Resource
from services.referrals.directory.queries import get_program
from services.referrals.directory.rules import ResourceStatus, check_may_be_referred_to
from services.referrals.queues.models import Queue
from services.referrals.queues.queries import has_program
from services.referrals.queues.rules import Status, check_move, find_status, first_status
from services.referrals.reach import reach_of
from services.referrals.records.models import ContactRecord
from services.referrals.records.queries import get_record


def refuse_when_full(
    session: Session, caller: Caller | None, request: Any, is_repeated: Callable[[], bool]
) -> None:
    """Refuse an assignment to a full program without a write; the claim itself decides about all others.

    A crowd that wants the last places would otherwise queue for the database's write lock only to be refused.
    Raises the same Refused as `assign_referral`.
    """
    if not is_exhausted(session, request["program_id"]):
        return
    if is_repeated():
        return  # an accepted request has its answer already
    _check_assignment(session, caller, request)
    raise exhausted()


def assign_referral(unit: UnitOfWork, request: Any) -> dict[str, Any]:
    """Assign a contact record to a program through a ReferralQ and take one of the program's places.

    Raises Refused `not_found`, `conflict` (inactive queue), `program_not_in_queue`, `not_a_program`,
    `resource_inactive`, `resource_not_referable`, `already_assigned`, `capacity_exhausted`.
    """
    record, queue, program = _check_assignment(unit.session, unit.caller, request, lock=True)
    status = first_status(queue.status_list())
    referral = Referral(
        id=wire.new_id(),
        contact_record_id=record.id,
        queue_id=queue.id,
        program_id=program.id,
        status=status.key,
        is_terminal=False,
        note=request["note"],
        holds_capacity=claim(unit, program.id) is not None,
        assigned_at=unit.now,
        status_since=unit.now,
        updated_at=unit.now,
        version=1,
    )
    unit.add(referral)
    unit.session.flush()
    _note_history(unit, referral, None, status, request["note"])
    facts = _facts(referral, record, program)
    unit.audit("referral.assigned", "referral", referral.id, queue_id=queue.id, program_id=program.id)
    unit.publish(referral_assigned, referral.id, {**facts, "status": status.key})
    return limited_referral(unit.session, referral.id)


def change_status(unit: UnitOfWork, request: Any) -> dict[str, Any]:
    """Move a referral to another status of its own queue (S0-4, S0-12, S0-13), with a note that both sides see.

    A terminal status gives the place back; leaving one needs a place again. Raises Refused `not_found`,
    `version_required`, `version_conflict`, `status_not_in_queue`, `status_unchanged`, `reason_required`,
    `already_assigned`, `capacity_exhausted`.
    """
    referral = _referral_in_reach(unit, request["referral_id"])
    unit.require_version(referral)
    statuses = unit.session.get_one(Queue, referral.queue_id).status_list()
    note = request["note"] or None
    check_reason_given(find_status(statuses, request["status"]), note)
    # The note is the reason; whether it is needed was checked just now, and it may be longer than a reason.
    move = check_move(statuses, referral.status, request["status"], reason="in the note")
    record = get_record(unit.session, referral.contact_record_id, lock=move.needs_place)
    if move.needs_place:
        _refuse_if_open(unit.session, record.id, referral.queue_id, referral.program_id)
        referral.holds_capacity = claim(unit, referral.program_id) is not None
    elif move.frees_place and referral.holds_capacity:
        release(unit, referral.program_id)
        referral.holds_capacity = False
    referral.status, referral.is_terminal = move.target.key, move.target.is_terminal
    referral.note = note or referral.note
    referral.status_since = referral.updated_at = unit.now
    referral.version += 1
    _note_history(unit, referral, move.origin, move.target, note)
    program = unit.session.get_one(Resource, referral.program_id)
    changed = {"from_status": move.origin.key, "to_status": move.target.key}
    unit.audit("referral.status_changed", "referral", referral.id, **changed)
    unit.publish(
        referral_status_changed,
        referral.id,
        {**_facts(referral, record, program), **changed, "is_terminal": move.target.is_terminal},
    )
    return limited_referral(unit.session, referral.id)


def _check_assignment(
    session: Session, caller: Caller | None, request: Any, *, lock: bool = False
) -> tuple[ContactRecord, Queue, Resource]:
    reach_of(caller).require_everything()
    # The lock makes two assignments of one record take turns, so the second sees the first.
    record = get_record(session, request["contact_record_id"], lock=lock)
    queue = session.get(Queue, request["queue_id"])
    if queue is None:
        raise Refused("not_found", "There is no ReferralQ with this id.", "queue_id")
    if not queue.is_active:
        raise Refused("conflict", "The ReferralQ is inactive; choose another one.", "queue_id")
    program = get_program(session, request["program_id"])
    if not has_program(session, queue.id, program.id):
        raise Refused(
            "program_not_in_queue", "The program takes no referrals through this ReferralQ.", "program_id"
        )
    check_may_be_referred_to(ResourceStatus(program.status))
    _refuse_if_open(session, record.id, queue.id, program.id)
    return record, queue, program


def _refuse_if_open(session: Session, contact_record_id: str, queue_id: str, program_id: str) -> None:
    is_open = select(Referral.id).where(
        Referral.contact_record_id == contact_record_id,
        Referral.queue_id == queue_id,
        Referral.program_id == program_id,
        Referral.is_terminal.is_(False),
    )
    if session.scalars(is_open.limit(1)).first() is not None:
        detail = "The contact record has an open referral to this program in this ReferralQ."
        raise Refused("already_assigned", detail, "contact_record_id")


def _referral_in_reach(unit: UnitOfWork, referral_id: str) -> Referral:
    """The row, held until the transaction ends: of two changes at once the second meets the first's version."""
    statement = select(Referral).where(
        Referral.id == referral_id, reach_of(unit.caller).of_referrals(Referral.program_id)
    )
    referral = unit.session.scalars(statement.with_for_update(of=Referral)).one_or_none()
    if referral is None:
        raise Refused("not_found", "There is no referral with this id.", "referral_id")
    return referral


def _note_history(
    unit: UnitOfWork, referral: Referral, origin: Status | None, target: Status, note: str | None
) -> None:
    assert unit.caller is not None  # noqa: S101 - both commands need an account
    unit.add(
        StatusChange(
            id=wire.new_id(),
            referral_id=referral.id,
            position=referral.version,
            at=unit.now,
            from_key=origin.key if origin else None,
            from_label=origin.label if origin else None,
            to_key=target.key,
            to_label=target.label,
            note=note,
            kind="status" if origin else "assigned",
            actor_id=unit.caller.id,
            actor_realm=unit.caller.realm,
        )
    )


def _facts(referral: Referral, record: ContactRecord, program: Resource) -> dict[str, Any]:
    return {
        "referral_id": referral.id,
        "contact_record_id": record.id,
        "contact_record_number": record.number,
        "queue_id": referral.queue_id,
        "program_id": program.id,
        "agency_id": program.agency_id,
    }
