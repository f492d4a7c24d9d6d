"""What every step of a referral leaves: a line of its history, and the facts for its events."""

from __future__ import annotations

from typing import Any

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.referrals.assignments.rules import Step
from services.referrals.directory.models import Resource
from services.referrals.models import Referral, StatusChange
from services.referrals.queues.models import Queue
from services.referrals.queues.rules import Status, find_status
from services.referrals.records.models import ContactRecord
from services.referrals.reports.facts import count_change


def add_line_and_count(
    unit: UnitOfWork,
    referral: Referral,
    kind: str,
    origin: Status | None,
    target: Status,
    step: Step,
    *,
    is_internal: bool = False,
) -> StatusChange:
    """Append a line of history at the referral's present version, and count the step in the reports.

    The caller has moved the referral already. `origin` is the status before, None on the first line only.
    """
    line = StatusChange(
        id=wire.new_id(),
        referral_id=referral.id,
        position=referral.version,
        at=unit.now,
        kind=kind,
        from_key=origin.key if origin else None,
        from_label=origin.label if origin else None,
        to_key=target.key,
        to_label=target.label,
        note=step.note,
        is_internal=is_internal,
        reason_code=step.reason_code,
        outcome_code=step.outcome_code,
        actor_id=unit.actor_id,
        actor_realm=unit.caller.realm if unit.caller else None,
        by_link=unit.caller is not None and unit.caller.link is not None,
    )
    unit.add(line)
    count_change(unit, referral, is_new=origin is None)
    return line


def touch(unit: UnitOfWork, referral: Referral) -> None:
    """Give the referral its next version, changed now."""
    referral.version += 1
    referral.updated_at = unit.now


def status_of(queue: Queue, referral: Referral) -> Status:
    """The status of a referral, as its queue defines it."""
    status = find_status(queue.status_list(), referral.status)
    # A queue cannot remove a status that has referrals.
    assert status is not None  # noqa: S101
    return status


def referral_facts(unit: UnitOfWork, referral: Referral) -> dict[str, Any]:
    """The members that every event of a referral has: ids and the record's number, nothing about the person."""
    record = unit.session.get_one(ContactRecord, referral.contact_record_id)
    program = unit.session.get_one(Resource, referral.program_id)
    return {
        "referral_id": referral.id,
        "contact_record_id": record.id,
        "contact_record_number": record.number,
        "queue_id": referral.queue_id,
        "program_id": program.id,
        "agency_id": program.own_agency_id,
    }
