"""Rules of referrals: which moves are allowed, what a status demands, and when an answer is due."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.contracts.errors import Refused
from services.referrals.access.rules import SENDER
from services.referrals.queues.rules import DeclineReason, Outcome, QueueSettings, Status, first_status

# FHIR R4 value set request-priority, the most urgent first: the order of a waitlist.
PRIORITIES = ("stat", "asap", "urgent", "routine")

# Where a step names no status, it leads to the queue's first status with the earliest of these FHIR codes.
ACCEPTING = ("accepted", "ready", "in-progress")
DECLINING = ("rejected",)
EXPIRING = ("failed", "cancelled", "rejected", "entered-in-error", "completed")
TAKING_BACK = ("cancelled",)


@dataclass(frozen=True, slots=True)
class Step:
    """The note and codes that come with a step of a referral."""

    note: str | None = None
    reason_code: str | None = None
    reason_by: str | None = None
    outcome_code: str | None = None


def status_for(statuses: Sequence[Status], fhir_codes: Iterable[str]) -> Status | None:
    """The queue's first status with the earliest of these FHIR codes, None where no status has one."""
    for code in fhir_codes:
        for status in sorted(statuses, key=lambda each: each.position):
            if status.fhir_status == code:
                return status
    return None


def check_move_allowed(
    settings: QueueSettings, origin: Status, target: Status, *, is_ended: bool, ended_by: str | None
) -> None:
    """Raise Refused `move_not_allowed` or `status_unchanged` unless the referral may go from one status to the other.

    A referral that its sender took back stays ended. Any other ended referral may reopen where the queue allows it.
    """
    if ended_by == SENDER:
        raise Refused(
            "move_not_allowed", "The referral was taken back; assign the record anew.", "referral_id"
        )
    if origin.key == target.key:
        raise Refused("status_unchanged", f"The referral stands at {origin.label} already.", "status")
    allowed = None if settings.allowed_moves is None else settings.allowed_moves.get(origin.key, ())
    if allowed is not None and target.key not in allowed:
        onwards = f"it goes on to: {', '.join(allowed)}" if allowed else "it goes nowhere"
        detail = f"This queue has no move from {origin.label} to {target.label}; from there {onwards}."
        raise Refused("move_not_allowed", detail, "status")
    if is_ended and not target.is_terminal and not settings.may_reopen:
        detail = f"The referral ended at {origin.label}, and this queue does not open referrals again."
        raise Refused("move_not_allowed", detail, "status")


def next_statuses(
    settings: QueueSettings, statuses: Sequence[Status], key: str, *, is_ended: bool, ended_by: str | None
) -> list[str]:
    """Keys of the statuses that a referral may move to from this one, in the queue's order."""
    origin = next(status for status in statuses if status.key == key)
    allowed = []
    for status in statuses:
        try:
            check_move_allowed(settings, origin, status, is_ended=is_ended, ended_by=ended_by)
        except Refused:
            continue
        allowed.append(status.key)
    return allowed


def possible_actions(
    statuses: Sequence[Status],
    onwards: Collection[str],
    *,
    is_ended: bool,
    ended_by: str | None,
    is_accepted: bool,
    for_sender: bool,
) -> list[str]:
    """What may be done with a referral that may move on to these statuses, as contracts.referrals.assignments.ACTIONS."""
    accepting, declining = status_for(statuses, ACCEPTING), status_for(statuses, DECLINING)
    can = {
        "change_status": bool(onwards),
        "accept": not is_ended and not is_accepted and accepting is not None and accepting.key in onwards,
        "take_acceptance_back": not is_ended and is_accepted and first_status(statuses).key in onwards,
        "decline": not is_ended and declining is not None and declining.key in onwards,
        "change_priority": for_sender and not is_ended,
        "withdraw": for_sender and ended_by != SENDER,
        "reassign": for_sender and ended_by != SENDER,
    }
    return [action for action, is_possible in can.items() if is_possible]


def check_step(
    target: Status, step: Step, reasons: Mapping[str, DeclineReason], outcomes: Mapping[str, Outcome]
) -> Step:
    """The step, if it has everything that the status demands. A decline's reason also says which side declined.

    Raises Refused `reason_required` (a note or a code satisfies it), `outcome_required`, `reason_not_in_queue`,
    `outcome_not_in_queue`.
    """
    if target.reason_required and not (step.note or step.reason_code):
        detail = f"{target.label} needs one of the queue's reasons, or a note that says why."
        raise Refused("reason_required", detail, "note")
    if target.outcome_required and step.outcome_code is None:
        detail = f"{target.label} needs an outcome: {', '.join(outcomes)}."
        raise Refused("outcome_required", detail, "outcome_code")
    if step.outcome_code is not None and step.outcome_code not in outcomes:
        detail = f"This queue knows no such outcome. Use one of: {', '.join(outcomes)}."
        raise Refused("outcome_not_in_queue", detail, "outcome_code")
    if step.reason_code is not None and step.reason_code not in reasons:
        detail = f"This queue knows no such reason. Use one of: {', '.join(reasons)}."
        raise Refused("reason_not_in_queue", detail, "reason_code")
    if step.reason_code is None or target.fhir_status != "rejected":
        return step
    return Step(step.note, step.reason_code, reasons[step.reason_code].by, step.outcome_code)


def kind_of_move(origin: Status, target: Status, *, was_ended: bool) -> str:
    """The kind of a change of status in the history."""
    if target.fhir_status == "rejected":
        return "declined"
    if was_ended and not target.is_terminal:
        return "reopened"
    if origin.stage == "offered" and target.fhir_status in ("accepted", "ready"):
        return "accepted"
    return "status"


def due_when_new(settings: QueueSettings, statuses: Sequence[Status], now: datetime) -> datetime | None:
    """When a new referral's first answer is due, None where the queue sets no time."""
    hours = settings.due_hours or settings.status_due_hours.get(first_status(statuses).key)
    return now + timedelta(hours=hours) if hours else None


def due_at_status(settings: QueueSettings, target: Status, now: datetime) -> datetime | None:
    """When a referral must leave a status that it has just reached, None where the queue sets no time."""
    hours = None if target.is_terminal else settings.status_due_hours.get(target.key)
    return now + timedelta(hours=hours) if hours else None
