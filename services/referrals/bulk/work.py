"""The loop that carries out bulk jobs, each record or referral in its own transaction.

A line is marked as done in the transaction of its work, so no line is repeated after a crash. Replicas share a job's lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.logs import log, where
from services.chassis.loop import Loop
from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity.passports import check_permission
from services.referrals.bulk.executors import carry_out
from services.referrals.bulk.handlers import finish, stop
from services.referrals.bulk.models import BulkJob, BulkJobLine
from services.referrals.bulk.rules import DONE, FAILED, PERMISSION_OF, STARTER_NOT_ALLOWED, WAITING

EVERY_S = 5.0
JOBS_AT_ONCE = 20
LINES_IN_TURN = 50  # then the next job has its turn
LOOP = "bulk-jobs"


class BulkJobsLoop(Loop):
    """Carries out bulk jobs; woken by each new one."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(LOOP, lambda: work(runtime, self.stopping.is_set), EVERY_S)


def start(call: Call, handler: Callable[..., Any]) -> Any:
    """Store a job, wake the loop and answer. Raises the handler's Refused."""
    answer = call.commit(handler)
    call.runtime.loops.wake(LOOP)
    return answer


def work(runtime: Runtime, is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Carry out waiting lines. False when some could not be done now and must be tried again."""
    while not is_stopping():
        with runtime.database.reading(None) as session:
            jobs = session.scalars(
                select(BulkJob)
                .where(BulkJob.finished_at.is_(None))
                .order_by(BulkJob.created_at)
                .limit(JOBS_AT_ONCE)
            ).all()
        # A job makes no progress while another replica works on it, or while the database or identity is busy.
        if not [job for job in jobs if _has_moved(runtime, job, is_stopping)]:
            return not jobs
    return True


def _has_moved(runtime: Runtime, job: BulkJob, is_stopping: Callable[[], bool]) -> bool:
    try:
        return _work_on(runtime, job, is_stopping)
    except Refused as refusal:  # this job waits for the next round, the others continue
        log.warning("bulk_job_waits", job_id=job.id, code=refusal.code)
        return False


def _work_on(runtime: Runtime, job: BulkJob, is_stopping: Callable[[], bool]) -> bool:
    """Do some lines of a job, or close it. False when nothing changed.

    Raises Refused where identity cannot tell whether the starter still has the permission.
    """
    lines = select(BulkJobLine.position).where(BulkJobLine.job_id == job.id, BulkJobLine.state == WAITING)
    with runtime.database.reading(job.organisation_id) as session:
        waiting = session.scalars(lines.order_by(BulkJobLine.position).limit(LINES_IN_TURN)).all()
    if not waiting:
        return bool(_transact(runtime, job, lambda unit: _close(unit, job.id)))
    if not _may_go_on(runtime, job):
        own = itself(runtime, job.organisation_id, job.organisation_key)
        return transact_as(runtime, own, lambda unit: stop(unit, job.id, STARTER_NOT_ALLOWED), job.id)
    has_moved = False
    for position in waiting:
        if is_stopping():
            break
        has_moved |= _try(runtime, job, position)
    return has_moved


def _may_go_on(runtime: Runtime, job: BulkJob) -> bool:
    """Whether the job's starter still has the permission. Asked at every turn, because the account may be disabled by then."""
    answer = runtime.ask(
        check_permission,
        {"account_id": job.requested_by, "permission": PERMISSION_OF[job.kind]},
        organisation=(job.organisation_id, job.organisation_key),
        context=wire.CallContext(wire.new_id(), correlation_id=job.id),
    )
    return bool(answer["is_allowed"])


def _try(runtime: Runtime, job: BulkJob, position: int) -> bool:
    """Do one line. A refusal rolls its work back, and is noted in a second transaction."""
    try:
        return bool(_transact(runtime, job, lambda unit: _do(unit, job, position)))
    except Refused as refusal:
        if refusal.code == "service_unavailable":
            return False  # the line waits for the next round
        reason, field = refusal.code, refusal.field
    except Exception as error:  # a line that breaks must not stop the lines after it
        log.error("bulk_line_broke", job_id=job.id, error=type(error).__name__, where=where(error))
        reason, field = "internal_error", None
    return bool(_transact(runtime, job, lambda unit: _note_failure(unit, job, position, reason, field)))


def _do(unit: UnitOfWork, job: BulkJob, position: int) -> bool:
    """Do the work of a line and mark it. The line is locked, so of two processes only one does it."""
    line = _held_line(unit.session, job, position)
    if line is None:
        return False
    line.referral_id = carry_out(unit, job, line.subject_id)
    line.state = DONE
    return True


def _note_failure(unit: UnitOfWork, job: BulkJob, position: int, reason: str, field: str | None) -> bool:
    line = _held_line(unit.session, job, position)
    if line is None:
        return False
    line.state, line.reason, line.field = FAILED, reason, field
    return True


def _held_line(session: Session, job: BulkJob, position: int) -> BulkJobLine | None:
    line = select(BulkJobLine).where(
        BulkJobLine.job_id == job.id, BulkJobLine.position == position, BulkJobLine.state == WAITING
    )
    return session.scalars(line.with_for_update(skip_locked=True)).one_or_none()


def _close(unit: UnitOfWork, job_id: str) -> bool:
    job = unit.session.scalars(select(BulkJob).where(BulkJob.id == job_id).with_for_update()).one()
    if job.finished_at is not None:
        return False
    finish(unit, job, "bulk.finished")
    return True


def _transact(runtime: Runtime, job: BulkJob, step: Callable[[UnitOfWork], Any]) -> Any:
    """Run `step(unit_of_work)` on behalf of the account that started the job."""
    own = (job.requested_by, job.organisation_id, job.organisation_key, job.requester_realm)
    return transact_as(runtime, Caller("account", *own), step, correlation_id=job.id)
