"""Ending a referral: by the system, or because its sender withdraws or reassigns it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals.status_changes import referral_reassigned
from services.referrals.access.rules import SENDER
from services.referrals.assignments.history import referral_facts, status_of
from services.referrals.assignments.new_referrals import Place, open_referral
from services.referrals.assignments.queries import limited_referral
from services.referrals.assignments.rules import Step
from services.referrals.assignments.standings import program_standing
from services.referrals.assignments.withdrawals import take_back, withdraw
from services.referrals.models import Referral, StatusChange
from services.referrals.offers.answers import close_when_exhausted, held_referral, is_on_offer
from services.referrals.queues.models import Queue
from services.referrals.queues.queries import held_queue
from services.referrals.queues.rules import Status
from services.referrals.records.queries import get_record
from services.referrals.status_changes.handlers import bring_to_status

# A reassignment copies at most so many of the latest notes, to keep its transaction short.
MOST_CARRIED_NOTES = 200


def end_referral(
    unit: UnitOfWork,
    referral: Referral,
    status: Status,
    *,
    reason_code: str | None = None,
    reason_by: str | None = None,
    outcome_code: str | None = None,
    note: str | None = None,
    kind: str | None = None,
) -> None:
    """Bring a locked, open referral to a terminal status of its queue, which frees its place."""
    queue = held_queue(unit.session, referral.queue_id)
    bring_to_status(unit, referral, queue, status, Step(note, reason_code, reason_by, outcome_code), kind)


def withdraw_referral(
    unit: UnitOfWork, *, referral_id: str, note: str | None, reason_code: str
) -> dict[str, Any]:
    """Take a referral back, with a reason (R-17). Its provider no longer sees it, as after a reassignment.

    Raises Refused `not_found`, `version_required`, `version_conflict`, `move_not_allowed`.
    """
    referral = _to_be_taken_back(unit, referral_id)
    withdraw(unit, referral, Step(note, reason_code))
    close_when_exhausted(unit, referral)
    return limited_referral(unit.session, unit.caller, referral.id)


def reassign_referral(
    unit: UnitOfWork,
    *,
    referral_id: str,
    program_id: str,
    queue_id: str | None,
    line_id: str | None,
    priority: str | None,
    note: str | None,
    carries_notes: bool | None,
    note_ids: list[str],
    confirm: bool,
) -> dict[str, Any]:
    """Send a referral to another program or through another queue, in one step (S0-46). The answer is the new referral.

    Either the old place is free and the new one taken, or nothing has changed. Raises Refused as `assign_referral` does,
    and `version_required`, `version_conflict`, `move_not_allowed`.
    """
    new = reassign(
        unit,
        _to_be_taken_back(unit, referral_id),
        program_id=program_id,
        queue_id=queue_id,
        line_id=line_id,
        priority=priority,
        note=note,
        carries_notes=carries_notes,
        note_ids=note_ids,
        is_confirmed=confirm,
    )
    return limited_referral(unit.session, unit.caller, new.id)


def reassign(
    unit: UnitOfWork,
    old: Referral,
    *,
    program_id: str,
    queue_id: str | None = None,
    line_id: str | None = None,
    priority: str | None = None,
    note: str | None = None,
    carries_notes: bool | None,
    note_ids: Sequence[str] = (),
    is_confirmed: bool,
) -> Referral:
    """Send a locked referral to another program or queue, and return the new referral.

    Without `queue_id` and `priority` they stay as they are. A referral that belongs to an open offer stays in that offer.
    Without `carries_notes` the shared notes stay with their program: another one begins with those of `note_ids` only.
    Raises Refused as `reassign_referral` does, except for the version.
    """
    record = get_record(unit.session, old.contact_record_id, lock=True)
    queue = held_queue(unit.session, queue_id or old.queue_id)
    standing = program_standing(unit.session, program_id, queue.id, record.id)
    program = standing.program
    if (queue.id, program.id) == (old.queue_id, old.program_id):
        detail = "The referral is there already; choose another program or ReferralQ."
        raise Refused("already_assigned", detail, "program_id")
    notes = _passed_on(
        unit.session,
        old,
        all_of_them=program.id == old.program_id if carries_notes is None else carries_notes,
        note_ids=note_ids,
    )
    is_asked = is_on_offer(unit.session, old) and not old.is_terminal
    place = Place() if is_asked else _handed_over(old) if program.id == old.program_id else None
    take_back(unit, old, "reassigned", Step())
    new = open_referral(
        unit,
        record,
        queue,
        standing,
        note=note,
        line_id=line_id,
        priority=priority or old.priority,
        # A referral whose offer is over goes on as an ordinary one.
        offer_id=old.offer_id if is_asked else None,
        is_confirmed=is_confirmed,
        place=place,
        replaces_id=old.id,
    )
    old.replaced_by_id = new.id
    if notes:
        _carry_notes(unit, new, notes)
    _tell_reassigned(unit, old, new)
    return new


def _to_be_taken_back(unit: UnitOfWork, referral_id: str) -> Referral:
    referral = held_referral(unit.session, unit.caller, referral_id)
    unit.require_version(referral)
    if referral.is_terminal and referral.ended_by == SENDER:
        raise Refused("move_not_allowed", "The referral was taken back already.", "referral_id")
    return referral


def _handed_over(old: Referral) -> Place | None:
    """The place of a referral that stays with its program. The new referral inherits it, so no other one can take it."""
    if not old.holds_capacity:
        return None
    old.holds_capacity = False
    return Place(old.capacity_line_id, is_held=True)


def _passed_on(
    session: Session, old: Referral, *, all_of_them: bool, note_ids: Sequence[str]
) -> list[StatusChange]:
    """The shared notes of a referral that go along: those that are named, else all or none."""
    if not note_ids:
        return _shared_notes(session, old.id) if all_of_them else []
    shared = {line.id: line for line in _shared_notes(session, old.id)}
    for position, note_id in enumerate(note_ids):
        if note_id not in shared:
            detail = "The referral has no shared note with this id among its latest ones."
            raise Refused("not_found", detail, f"note_ids.{position}")
    return [line for line in shared.values() if line.id in note_ids]


def _carry_notes(unit: UnitOfWork, new: Referral, notes: Sequence[StatusChange]) -> None:
    """Copy notes with their authors and times, for the new provider to read."""
    new.note = new.note or notes[-1].note
    label = status_of(unit.session.get_one(Queue, new.queue_id), new).label
    for line in notes:
        new.version += 1
        unit.add(
            StatusChange(
                id=wire.new_id(),
                referral_id=new.id,
                position=new.version,
                at=line.at,
                kind="note",
                from_key=new.status,
                from_label=label,
                to_key=new.status,
                to_label=label,
                note=line.note,
                actor_id=line.actor_id,
                actor_realm=line.actor_realm,
                by_link=line.by_link,
            )
        )


def _shared_notes(session: Session, referral_id: str) -> list[StatusChange]:
    latest = session.scalars(
        select(StatusChange)
        .where(
            StatusChange.referral_id == referral_id,
            StatusChange.note.is_not(None),
            StatusChange.is_internal.is_(False),
        )
        .order_by(StatusChange.position.desc())
        .limit(MOST_CARRIED_NOTES)
    )
    return list(latest)[::-1]


def _tell_reassigned(unit: UnitOfWork, old: Referral, new: Referral) -> None:
    unit.audit(
        "referral.reassigned",
        "referral",
        old.id,
        replaced_by_id=new.id,
        queue_id=new.queue_id,
        program_id=new.program_id,
    )
    unit.publish(
        referral_reassigned,
        old.id,
        {
            **referral_facts(unit, old),
            "replaced_by_id": new.id,
            "new_queue_id": new.queue_id,
            "new_program_id": new.program_id,
        },
    )
