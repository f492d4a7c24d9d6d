"""The work on one record or referral of a bulk job, by the functions that serve single requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.referrals.assignments.new_referrals import open_referral
from services.referrals.assignments.standings import (
    Standing,
    already_assigned,
    as_standing,
    program_standings,
)
from services.referrals.bulk.models import BulkJob
from services.referrals.bulk.rules import ASSIGNMENT, REASSIGNMENT, STATUS_CHANGE, TRIES_THE_NEXT
from services.referrals.capacity.queries import is_exhausted
from services.referrals.models import Referral
from services.referrals.offers.answers import held_referral
from services.referrals.queues.models import Queue
from services.referrals.queues.queries import held_queue
from services.referrals.records.models import ContactRecord
from services.referrals.records.queries import get_record
from services.referrals.status_changes.endings import reassign
from services.referrals.status_changes.handlers import move


def carry_out(unit: UnitOfWork, job: BulkJob, subject_id: str) -> str:
    """Do the job's work on one record or referral, and return the id of the resulting referral. Raises Refused."""
    return _STEPS[job.kind](unit, job, subject_id).id


def _assign(unit: UnitOfWork, job: BulkJob, record_id: str) -> Referral:
    """Assign a record to the first program with a free place, unless it has an open referral to one of them."""
    record = get_record(unit.session, record_id, lock=True)
    queue = held_queue(unit.session, job.wish["queue_id"])
    found = program_standings(unit.session, job.wish["program_ids"], queue.id, record.id)
    programs = [as_standing(unit.session, found.get(program_id)) for program_id in job.wish["program_ids"]]
    if any(standing.is_referred for standing in programs):
        raise already_assigned()
    return _to_the_first_free(unit, job, record, queue, programs)


def _to_the_first_free(
    unit: UnitOfWork, job: BulkJob, record: ContactRecord, queue: Queue, programs: Sequence[Standing]
) -> Referral:
    def assign_to(standing: Standing) -> Referral:
        return open_referral(
            unit,
            record,
            queue,
            standing,
            note=job.note,
            priority=job.wish["priority"],
            is_confirmed=job.wish["confirm"],
        )

    if len(programs) > 1:
        for standing in programs:
            if is_exhausted(unit.session, standing.program.id):
                continue
            try:
                return assign_to(standing)
            except Refused as refusal:
                if refusal.code not in TRIES_THE_NEXT:
                    raise
    # All are full, or there is only one: the queue's settings decide.
    return assign_to(programs[0])


def _change_status(unit: UnitOfWork, job: BulkJob, referral_id: str) -> Referral:
    referral = held_referral(unit.session, unit.caller, referral_id)
    move(
        unit,
        referral,
        held_queue(unit.session, referral.queue_id),
        status=job.wish["status"],
        note=job.note,
        reason_code=job.wish["reason_code"],
        outcome_code=job.wish["outcome_code"],
    )
    return referral


def _reassign(unit: UnitOfWork, job: BulkJob, referral_id: str) -> Referral:
    old = held_referral(unit.session, unit.caller, referral_id)
    if old.is_terminal:
        raise Refused("move_not_allowed", "The referral has ended meanwhile.", "referral_id")
    return reassign(
        unit,
        old,
        program_id=job.wish["to_program_id"],
        queue_id=job.wish["to_queue_id"],
        note=job.note,
        carries_notes=job.wish["carries_notes"],
        is_confirmed=job.wish["confirm"],
    )


_STEPS: Mapping[str, Callable[[UnitOfWork, BulkJob, str], Referral]] = {
    ASSIGNMENT: _assign,
    STATUS_CHANGE: _change_status,
    REASSIGNMENT: _reassign,
}
