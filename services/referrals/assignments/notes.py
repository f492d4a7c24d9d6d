"""Notes on a referral, shared by both sides or internal to the partner, and its priority."""

from __future__ import annotations

from typing import Any

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals.assignments import referral_note_added
from services.referrals.access.access_scope import access_scope_of
from services.referrals.access.visibility import visible_referral
from services.referrals.assignments.history import add_line_and_count, referral_facts, status_of, touch
from services.referrals.assignments.queries import limited_referral
from services.referrals.assignments.rules import Step
from services.referrals.authors.rules import side_of
from services.referrals.queues.models import Queue


def add_referral_note(unit: UnitOfWork, *, referral_id: str, note: str, is_internal: bool) -> dict[str, Any]:
    """Write a note (S0-32), also on a referral that has ended. The limited view shows the latest shared note.

    Raises Refused `not_found`, `forbidden` (an internal note of a provider).
    """
    referral = visible_referral(unit.session, unit.caller, referral_id, lock=True)
    side = side_of(unit.caller.realm if unit.caller else None)
    if is_internal and not access_scope_of(unit.caller).everything:
        raise Refused("forbidden", "Internal notes are the partner's; write a shared one.", "is_internal")
    status = status_of(unit.session.get_one(Queue, referral.queue_id), referral)
    if not is_internal:
        referral.note = note
    touch(unit, referral)
    add_line_and_count(unit, referral, "note", status, status, Step(note), is_internal=is_internal)
    unit.audit("referral.note_added", "referral", referral.id, side=side, is_internal=is_internal)
    unit.publish(
        referral_note_added,
        referral.id,
        {**referral_facts(unit, referral), "author_side": side, "is_internal": is_internal},
    )
    return limited_referral(unit.session, unit.caller, referral.id)


def change_priority(unit: UnitOfWork, *, referral_id: str, priority: str) -> dict[str, Any]:
    """Say how urgent an open referral is (R-23). Raises Refused `not_found`, `version_conflict`, `move_not_allowed`."""
    referral = visible_referral(unit.session, unit.caller, referral_id, lock=True)
    unit.require_version(referral)
    if referral.is_terminal:
        raise Refused("move_not_allowed", "The referral has ended; its priority stays.", "referral_id")
    if referral.priority == priority:
        return limited_referral(unit.session, unit.caller, referral.id)
    before, referral.priority = referral.priority, priority
    touch(unit, referral)
    status = status_of(unit.session.get_one(Queue, referral.queue_id), referral)
    add_line_and_count(unit, referral, "priority", status, status, Step())
    unit.audit("referral.priority_changed", "referral", referral.id, before=before, after=referral.priority)
    return limited_referral(unit.session, unit.caller, referral.id)
