"""Commands of bulk jobs: start one, cancel one. The loop in `work` does the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, update

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused, lacking
from services.contracts.referrals.bulk import bulk_job_finished, bulk_job_started
from services.referrals.assignments.rules import Step, check_step
from services.referrals.assignments.standings import (
    as_standing,
    check_may_refer,
    program_standing,
    program_standings,
)
from services.referrals.bulk import forecasts, selections
from services.referrals.bulk.models import BulkJob, BulkJobLine
from services.referrals.bulk.queries import get_row, job_view
from services.referrals.bulk.rules import (
    ASSIGNMENT,
    CANCELLED,
    LACKS_A_MEMBER,
    PERMISSION_OF,
    REASSIGNMENT,
    STATUS_CHANGE,
    WAITING,
)
from services.referrals.directory.queries import check_referable, get_program
from services.referrals.queues.models import Queue
from services.referrals.queues.queries import held_queue
from services.referrals.queues.rules import decline_reasons_of, outcomes_of
from services.referrals.status_changes.handlers import named_status
from services.referrals.workflow.queries import require_status_changes


def start_bulk_assignment(
    unit: UnitOfWork,
    *,
    queue_id: str,
    program_ids: list[str],
    contact_record_ids: list[str] | None,
    records: Mapping[str, Any] | None,
    priority: str,
    confirm: bool,
    note: str | None,
    dry_run: bool,
) -> dict[str, Any]:
    """Assign many records through a queue, each to the first of the programs with a free place.

    Raises Refused where no record could be assigned: `not_found`, `not_a_program`, `conflict`, `program_not_in_queue`,
    `resource_inactive`, `resource_not_referable`; also `invalid_request`, `selection_too_large`.
    """
    queue = held_queue(unit.session, queue_id)
    found = program_standings(unit.session, program_ids, queue.id)
    for program_id in program_ids:
        check_may_refer(queue, as_standing(unit.session, found.get(program_id)))
    ids = selections.record_ids(unit.session, contact_record_ids, records)
    if dry_run:
        counts = forecasts.of_assignment(unit.session, queue, ids, program_ids, is_confirmed=confirm)
        return _dry(unit, ASSIGNMENT, counts)
    wish = {"queue_id": queue_id, "program_ids": program_ids, "priority": priority, "confirm": confirm}
    return _begin(unit, ASSIGNMENT, ids, wish, note)


def start_bulk_status_change(
    unit: UnitOfWork,
    *,
    status: str,
    referral_ids: list[str] | None,
    referrals: Mapping[str, Any] | None,
    reason_code: str | None,
    outcome_code: str | None,
    note: str | None,
    dry_run: bool,
) -> dict[str, Any]:
    """Move many referrals to a status.

    What the status demands must be given for each ReferralQ of the selection, and its codes and the status itself must be
    known to at least one of them. Raises Refused `not_found`, `invalid_request`, `selection_too_large`, `feature_is_off`,
    `status_not_in_queue`, `reason_required`, `outcome_required`, `reason_not_in_queue`, `outcome_not_in_queue`.
    """
    require_status_changes(unit.session)
    ids = selections.referral_ids(unit.session, referral_ids, referrals)
    step = Step(note, reason_code, None, outcome_code)
    named = [held_queue(unit.session, referrals["queue_id"])] if referrals is not None else []
    _check_step_in(named or selections.queues_of(unit.session, ids), status, step)
    if dry_run:
        return _dry(unit, STATUS_CHANGE, forecasts.of_status_change(unit.session, ids, status, step))
    wish = {"status": status, "reason_code": reason_code, "outcome_code": outcome_code}
    return _begin(unit, STATUS_CHANGE, ids, wish, note)


def start_bulk_reassignment(
    unit: UnitOfWork,
    *,
    from_program_id: str | None,
    from_agency_id: str | None,
    queue_id: str | None,
    to_program_id: str,
    to_queue_id: str | None,
    carries_notes: bool | None,
    confirm: bool,
    note: str | None,
    dry_run: bool,
) -> dict[str, Any]:
    """Send the open referrals of a program or an agency to another program.

    Raises Refused `not_found`, `not_a_program`, `conflict`, `program_not_in_queue`, `resource_inactive`,
    `resource_not_referable`, `invalid_request`, `selection_too_large`.
    """
    if to_queue_id is not None:
        queue = held_queue(unit.session, to_queue_id)
        check_may_refer(queue, program_standing(unit.session, to_program_id, queue.id))
    check_referable(unit.session, get_program(unit.session, to_program_id))
    ids = selections.open_referral_ids(
        unit.session,
        from_program_id=from_program_id,
        from_agency_id=from_agency_id,
        queue_id=queue_id,
        to_program_id=to_program_id,
        to_queue_id=to_queue_id,
    )
    if to_queue_id is None:
        _check_takes_referrals_of(unit, to_program_id, queue_id, ids)
    if dry_run:
        counts = forecasts.of_reassignment(
            unit.session, ids, to_program_id=to_program_id, to_queue_id=to_queue_id, is_confirmed=confirm
        )
        return _dry(unit, REASSIGNMENT, counts)
    wish = {
        "to_program_id": to_program_id,
        "to_queue_id": to_queue_id,
        "carries_notes": carries_notes,
        "confirm": confirm,
    }
    return _begin(unit, REASSIGNMENT, ids, wish, note)


def _check_step_in(queues: Sequence[Queue], status: str, step: Step) -> None:
    """Raise Refused where the whole selection lacks what its queues demand, instead of failing line by line."""
    refusals = []
    for queue in queues:
        try:
            check_step(named_status(queue, status), step, decline_reasons_of(queue), outcomes_of(queue))
        except Refused as refusal:
            refusals.append(refusal)
    missing = [each for each in refusals if each.code in LACKS_A_MEMBER]
    if missing or (refusals and len(refusals) == len(queues)):
        raise (missing or refusals)[0]


def _check_takes_referrals_of(
    unit: UnitOfWork, program_id: str, queue_id: str | None, referral_ids: Sequence[str]
) -> None:
    """Raise Refused where each referral stays in its ReferralQ, and the program takes referrals through none of them."""
    named = [held_queue(unit.session, queue_id)] if queue_id is not None else []
    queues = named or selections.queues_of(unit.session, referral_ids)
    refusals = []
    for queue in queues:
        try:
            check_may_refer(queue, program_standing(unit.session, program_id, queue.id))
        except Refused as refusal:
            refusals.append(refusal)
    if refusals and len(refusals) == len(queues):
        raise refusals[0]


def cancel_bulk_job(unit: UnitOfWork, *, bulk_job_id: str) -> dict[str, Any]:
    """Stop a job: lines that still wait are cancelled. Raises Refused `not_found`, `forbidden`, `job_finished`."""
    job = get_row(unit.session, bulk_job_id, lock=True)
    if unit.caller is None or not unit.caller.may(PERMISSION_OF[job.kind]):
        raise lacking(PERMISSION_OF[job.kind], "Only who may start such a job may stop it.")
    if job.finished_at is not None:
        raise Refused("job_finished", "The job is over; nothing of it waits.", "bulk_job_id")
    _cancel_waiting_lines(unit, job)
    return finish(unit, job, "bulk.cancelled")


def stop(unit: UnitOfWork, job_id: str, reason: str) -> bool:
    """End a job on the service's own account, and note why. False where the job is over already."""
    job = get_row(unit.session, job_id, lock=True)
    if job.finished_at is not None:
        return False
    _cancel_waiting_lines(unit, job)
    job.stopped_because = reason
    finish(unit, job, "bulk.stopped")
    return True


def _cancel_waiting_lines(unit: UnitOfWork, job: BulkJob) -> None:
    # The statement waits for a line that is being worked on, and leaves it alone once it is done or failed.
    unit.session.execute(
        update(BulkJobLine)
        .where(BulkJobLine.job_id == job.id, BulkJobLine.state == WAITING)
        .values(state=CANCELLED),
        execution_options={"synchronize_session": False},
    )
    job.is_cancelled = True


def finish(unit: UnitOfWork, job: BulkJob, action: str) -> dict[str, Any]:
    """Close a locked job that has no waiting lines."""
    job.finished_at = unit.now
    view = job_view(unit.session, job)
    counts = {name: view[name] for name in ("done", "failed", "cancelled")}
    unit.audit(action, "bulk_job", job.id, kind=job.kind, **counts)
    unit.publish(bulk_job_finished, job.id, {"bulk_job_id": job.id, "kind": job.kind, **counts})
    return view


def _begin(
    unit: UnitOfWork, kind: str, ids: Sequence[str], wish: dict[str, Any], note: str | None
) -> dict[str, Any]:
    assert unit.caller is not None  # noqa: S101 - only staff start jobs
    job = BulkJob(
        id=wire.new_id(),
        organisation_key=unit.organisation_key,
        kind=kind,
        wish=wish,
        note=note,
        requested_by=unit.caller.id,
        requester_realm=unit.caller.realm,
        is_cancelled=False,
        created_at=unit.now,
    )
    unit.add(job)
    unit.session.flush()
    if ids:
        unit.session.execute(insert(BulkJobLine), [_line(unit, job, *each) for each in enumerate(ids)])
    unit.audit("bulk.started", "bulk_job", job.id, kind=kind, total=len(ids))
    unit.publish(bulk_job_started, job.id, {"bulk_job_id": job.id, "kind": kind, "total": len(ids)})
    return job_view(unit.session, job)


def _line(unit: UnitOfWork, job: BulkJob, position: int, subject_id: str) -> dict[str, Any]:
    return {
        "organisation_id": unit.organisation_id,
        "job_id": job.id,
        "position": position,
        "subject_id": subject_id,
        "state": WAITING,
    }


def _dry(unit: UnitOfWork, kind: str, counts: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": None,
        "kind": kind,
        "state": "dry_run",
        **counts,
        "requested_by": unit.actor_id,
        "stopped_because": None,
        "created_at": unit.now,
        "finished_at": unit.now,
    }
