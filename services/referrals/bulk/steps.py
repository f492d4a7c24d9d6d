"""What is done with one record or referral of a job, by the same functions as when somebody does it by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.referrals.assignments.closing import reassign
from services.referrals.assignments.models import Referral
from services.referrals.assignments.moving import move
from services.referrals.assignments.opening import active_queue_and_program, open_referral, refuse_if_open
from services.referrals.bulk.models import BulkJob
from services.referrals.bulk.rules import ASSIGNMENT, REASSIGNMENT, STATUS_CHANGE, TRIES_THE_NEXT
from services.referrals.capacity.queries import is_exhausted
from services.referrals.offers.taking import held_referral
from services.referrals.queues.queries import held_queue
from services.referrals.records.models import ContactRecord
from services.referrals.records.queries import get_record


def carry_out(unit: UnitOfWork, job: BulkJob, subject_id: str) -> str:
    """Do what the job says with one record or referral; the id of the referral that came of it. Raises Refused."""
    return _STEPS[job.kind](unit, job, subject_id).id


def _assign(unit: UnitOfWork, job: BulkJob, record_id: str) -> Referral:
    """To the first program with a free place. Who is referred to one of them already, is not referred to the next."""
    record = get_record(unit.session, record_id, lock=True)
    program_ids = job.wish["program_ids"]
    for program_id in program_ids:
        refuse_if_open(unit.session, record.id, job.wish["queue_id"], program_id)
    return _to_the_first_free(unit, job, record, program_ids)


def _to_the_first_free(
    unit: UnitOfWork, job: BulkJob, record: ContactRecord, program_ids: list[str]
) -> Referral:
    if len(program_ids) > 1:
        for program_id in program_ids:
            if is_exhausted(unit.session, program_id):
                continue
            try:
                return _open(unit, job, record, program_id)
            except Refused as refusal:
                if refusal.code not in TRIES_THE_NEXT:
                    raise
    # All are full, or there is one only: then the queue's settings say what happens.
    return _open(unit, job, record, program_ids[0])


def _open(unit: UnitOfWork, job: BulkJob, record: ContactRecord, program_id: str) -> Referral:
    queue, program = active_queue_and_program(unit.session, job.wish["queue_id"], program_id)
    wish = {"note": job.note, "priority": job.wish["priority"], "is_confirmed": job.wish["confirm"]}
    return open_referral(unit, record, queue, program, **wish)


def _change_status(unit: UnitOfWork, job: BulkJob, referral_id: str) -> Referral:
    referral = held_referral(unit.session, unit.caller, referral_id)
    move(unit, referral, held_queue(unit.session, referral.queue_id), {**job.wish, "note": job.note})
    return referral


def _reassign(unit: UnitOfWork, job: BulkJob, referral_id: str) -> Referral:
    old = held_referral(unit.session, unit.caller, referral_id)
    if old.is_terminal:
        raise Refused("move_not_allowed", "The referral has ended meanwhile.", "referral_id")
    wish = {
        "program_id": job.wish["to_program_id"],
        "queue_id": job.wish["to_queue_id"],
        "carries_notes": job.wish["carries_notes"],
        "confirm": job.wish["confirm"],
        "note": job.note,
        "line_id": None,
        "priority": None,
    }
    return reassign(unit, old, wish)


_STEPS: Mapping[str, Callable[[UnitOfWork, BulkJob, str], Referral]] = {
    ASSIGNMENT: _assign,
    STATUS_CHANGE: _change_status,
    REASSIGNMENT: _reassign,
}
