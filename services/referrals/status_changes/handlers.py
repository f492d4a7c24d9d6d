"""Moving a referral through its queue's statuses: change, accept, take an acceptance back, decline."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals.status_changes import (
    referral_accepted,
    referral_declined,
    referral_expired,
    referral_status_changed,
)
from services.referrals.assignments.history import add_line_and_count, referral_facts, status_of, touch
from services.referrals.assignments.new_referrals import lines_waited_for
from services.referrals.assignments.queries import limited_referral
from services.referrals.assignments.rules import (
    ACCEPTING,
    DECLINING,
    Step,
    check_move_allowed,
    check_step,
    due_at_status,
    kind_of_move,
    status_for,
)
from services.referrals.assignments.standings import refuse_if_open
from services.referrals.assignments.withdrawals import give_place_back
from services.referrals.capacity.handlers import claim
from services.referrals.models import Referral
from services.referrals.offers.answers import answer_offer, close_when_exhausted, held_referral
from services.referrals.offers.rules import Part
from services.referrals.queues.models import Queue
from services.referrals.queues.queries import held_queue
from services.referrals.queues.rules import (
    Status,
    decline_reasons_of,
    first_status,
    get_status,
    outcomes_of,
    settings_of,
)
from services.referrals.records.queries import get_record
from services.referrals.status_changes.answers import require_link_holds
from services.referrals.workflow.queries import require_status_changes


def change_status(
    unit: UnitOfWork,
    *,
    referral_id: str,
    status: str,
    note: str | None,
    reason_code: str | None,
    outcome_code: str | None,
) -> dict[str, Any]:
    """Move a referral to another status of its own queue (S0-4, S0-12, S0-13), with a note that both sides see.

    A terminal status gives the place back; reopening the referral needs a place again. Raises Refused `not_found`,
    `version_required`, `version_conflict`, `status_not_in_queue`, `status_unchanged`, `move_not_allowed`,
    `reason_required`, `reason_not_in_queue`, `outcome_required`, `outcome_not_in_queue`, `already_assigned`,
    `capacity_exhausted`.
    """
    referral, queue = _to_be_moved(unit, referral_id)
    move(unit, referral, queue, status=status, note=note, reason_code=reason_code, outcome_code=outcome_code)
    return limited_referral(unit.session, unit.caller, referral.id)


def move(
    unit: UnitOfWork,
    referral: Referral,
    queue: Queue,
    *,
    status: str,
    note: str | None,
    reason_code: str | None,
    outcome_code: str | None,
) -> None:
    """Move a locked referral to the status with this key. Raises Refused as `change_status` does, except for the version."""
    step = Step(note=note or None, reason_code=reason_code, outcome_code=outcome_code)
    _check_and_take_step(unit, referral, queue, named_status(queue, status), step)


def accept_referral(
    unit: UnitOfWork, *, referral_id: str, status: str | None, note: str | None
) -> dict[str, Any]:
    """Accept a referral (R-13). Raises Refused as `change_status` does."""
    referral, queue = _to_be_answered(unit, referral_id)
    target = _target(queue, status, ACCEPTING, "accepts")
    if target.is_terminal or target.stage == "offered":
        detail = f"{target.label} does not accept; choose an open status that does."
        raise Refused("move_not_allowed", detail, "status")
    return _moved(unit, referral, queue, target, Step(note or None))


def unaccept_referral(unit: UnitOfWork, *, referral_id: str, note: str | None) -> dict[str, Any]:
    """Take an acceptance back: the referral is offered again (R-16). Raises Refused as `change_status` does."""
    referral, queue = _to_be_moved(unit, referral_id)
    if referral.is_terminal or referral.accepted_at is None:
        raise Refused("move_not_allowed", "Only an open referral that was accepted can be offered again.")
    return _moved(unit, referral, queue, first_status(queue.status_list()), Step(note or None))


def decline_referral(
    unit: UnitOfWork, *, referral_id: str, status: str | None, note: str | None, reason_code: str
) -> dict[str, Any]:
    """Decline a referral with a coded reason, the provider's or the client's (R-13, R-14).

    Raises Refused as `change_status` does.
    """
    referral, queue = _to_be_answered(unit, referral_id)
    target = _target(queue, status, DECLINING, "declines")
    if target.fhir_status != "rejected":
        detail = f"{target.label} does not decline; choose a status that does."
        raise Refused("move_not_allowed", detail, "status")
    return _moved(unit, referral, queue, target, Step(note or None, reason_code))


def bring_to_status(
    unit: UnitOfWork, referral: Referral, queue: Queue, target: Status, step: Step, kind: str | None = None
) -> None:
    """Bring a locked referral to a status: its place, times, history, audit and events.

    The caller has validated the move. `kind` names the step where it does not follow from the statuses (see
    `assignments.rules.kind_of_move`). Raises Refused
    `already_assigned`, `capacity_exhausted`, `offer_closed`.
    """
    origin, was_ended = status_of(queue, referral), referral.is_terminal
    kind = kind or kind_of_move(origin, target, was_ended=was_ended)
    _settle_place(unit, referral, target, answer_offer(unit, referral, target))
    _stand_at(unit, referral, queue, target, step)
    touch(unit, referral)
    add_line_and_count(unit, referral, kind, origin, target, step)
    unit.audit(
        "referral.status_changed",
        "referral",
        referral.id,
        from_status=origin.key,
        to_status=target.key,
        kind=kind,
    )
    _tell(unit, referral, origin, kind)
    close_when_exhausted(unit, referral)


def _to_be_moved(unit: UnitOfWork, referral_id: str) -> tuple[Referral, Queue]:
    referral = held_referral(unit.session, unit.caller, referral_id)
    unit.require_version(referral)
    return referral, held_queue(unit.session, referral.queue_id)


def _to_be_answered(unit: UnitOfWork, referral_id: str) -> tuple[Referral, Queue]:
    """As `_to_be_moved`, also for the link of a mail. Raises Refused `link_refused` first, as a link has no newer version."""
    require_link_holds(unit.caller, held_referral(unit.session, unit.caller, referral_id))
    return _to_be_moved(unit, referral_id)


def _moved(unit: UnitOfWork, referral: Referral, queue: Queue, target: Status, step: Step) -> dict[str, Any]:
    _check_and_take_step(unit, referral, queue, target, step)
    return limited_referral(unit.session, unit.caller, referral.id)


def _check_and_take_step(
    unit: UnitOfWork, referral: Referral, queue: Queue, target: Status, step: Step
) -> None:
    require_status_changes(unit.session)
    check_move_allowed(
        settings_of(queue),
        status_of(queue, referral),
        target,
        is_ended=referral.is_terminal,
        ended_by=referral.ended_by,
    )
    checked = check_step(target, step, decline_reasons_of(queue), outcomes_of(queue))
    bring_to_status(unit, referral, queue, target, checked)


def _target(queue: Queue, named: str | None, fhir_codes: tuple[str, ...], does: str) -> Status:
    if named is not None:
        return named_status(queue, named)
    status = status_for(queue.status_list(), fhir_codes)
    if status is None:
        raise Refused("move_not_allowed", f"No status of this queue {does} a referral; name one.", "status")
    return status


def named_status(queue: Queue, key: str) -> Status:
    """The queue's status with this key. Raises Refused `status_not_in_queue`."""
    return get_status(queue.status_list(), key)


def _settle_place(unit: UnitOfWork, referral: Referral, target: Status, part: Part) -> None:
    """Take, keep or give back the referral's place, as its new status needs it.

    A referral of an open offer needs no place until it accepts the offer.
    """
    if target.is_terminal:
        give_place_back(unit, referral)
        return
    reopens = referral.is_terminal
    if reopens:
        # The lock keeps a new referral of the same record from being opened at the same time.
        record = get_record(unit.session, referral.contact_record_id, lock=True)
        refuse_if_open(unit.session, record.id, referral.queue_id, referral.program_id)
    # A waitlisted referral may be moved among offered statuses. Any further stage needs a place.
    comes_in = part is Part.TAKES or (reopens and part is Part.NONE)
    if comes_in or (referral.is_waitlisted and target.stage != "offered"):
        wished = referral.capacity_line_id if referral.is_waitlisted else None
        # A place that has just become free belongs to the referrals that wait for it.
        kept = lines_waited_for(unit.session, referral.program_id) if comes_in else set()
        if None in kept:
            raise _no_place()
        referral.capacity_line_id = _claimed(unit, referral.program_id, wished, but=kept)
        referral.holds_capacity = referral.capacity_line_id is not None
        referral.is_waitlisted = False


def _claimed(
    unit: UnitOfWork, program_id: str, line_id: str | None, *, but: Collection[str | None]
) -> str | None:
    try:
        return claim(unit, program_id, line_id, but=but)
    except Refused as refused:
        if refused.code == "capacity_exhausted":
            raise _no_place() from None
        raise


def _no_place() -> Refused:
    """The refusal for a move: its caller cannot choose another program, but can free a place."""
    detail = (
        "The program has no free place for it. End another referral or raise the capacity, then try again."
    )
    return Refused("capacity_exhausted", detail, "referral_id")


def _stand_at(unit: UnitOfWork, referral: Referral, queue: Queue, target: Status, step: Step) -> None:
    referral.status, referral.status_since = target.key, unit.now
    referral.is_terminal = target.is_terminal
    referral.ended_at = unit.now if target.is_terminal else None
    referral.ended_by = step.reason_by if target.is_terminal else None
    referral.reason_code, referral.outcome_code = step.reason_code, step.outcome_code
    referral.note = step.note or referral.note
    referral.due_at = due_at_status(settings_of(queue), target, unit.now)
    if target.stage != "offered":
        referral.accepted_at = referral.accepted_at or unit.now
    elif not target.is_terminal:
        referral.accepted_at = None


def _tell(unit: UnitOfWork, referral: Referral, origin: Status, kind: str) -> None:
    facts = referral_facts(unit, referral)
    unit.publish(
        referral_status_changed,
        referral.id,
        {
            **facts,
            "from_status": origin.key,
            "to_status": referral.status,
            "is_terminal": referral.is_terminal,
        },
    )
    at_status = {**facts, "status": referral.status}
    if kind == "accepted":
        unit.publish(referral_accepted, referral.id, at_status)
    elif kind == "declined":
        why = {"declined_by": referral.ended_by, "reason_code": referral.reason_code}
        given = {name: value for name, value in why.items() if value is not None}
        unit.publish(referral_declined, referral.id, {**at_status, **given})
    elif kind == "expired":
        unit.publish(referral_expired, referral.id, at_status)
