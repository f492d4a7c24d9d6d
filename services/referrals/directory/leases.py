"""Leases: the right to work on a background job of the directory, an import or an export.

The process that works on a job holds its lease and renews it with each step. When the process dies, the lease runs out
and another replica continues. After an unexpected fault the job is tried again; it is given up when it has had its tries.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.logs import log, where
from services.chassis.passports import Caller
from services.chassis.runtime import Runtime
from services.chassis.transactions import transact_as
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.referrals.directory.models import LeasedJob

LEASE = datetime.timedelta(minutes=1)
Job = TypeVar("Job", bound=LeasedJob)


class Lease(Generic[Job]):
    """The right to work on one job. `job` is its row as it was claimed."""

    def __init__(self, runtime: Runtime, job: Job) -> None:
        self.job = job
        self._runtime = runtime
        self._token = job.claimed_by

    def write(self, step: Callable[[UnitOfWork, Job], Any]) -> None:
        """Run `step(unit_of_work, job)` in a transaction on behalf of the job's requester, and renew the lease.

        Raises Refused(conflict) once another process has taken the job over.
        """
        table, job_id = type(self.job), self.job.id

        def run(unit: UnitOfWork) -> None:
            job = unit.session.scalars(select(table).where(table.id == job_id).with_for_update()).one()
            if job.claimed_by != self._token:
                raise Refused("conflict", "Another process has taken this over.")
            job.claimed_until = unit.now + LEASE
            step(unit, job)

        own = (self.job.requested_by, self.job.organisation_id, self.job.organisation_key, "staff")
        transact_as(self._runtime, Caller("account", *own), run, correlation_id=job_id)


def claim(
    runtime: Runtime, table: type[Job], job_id: str, state: str, lasting: datetime.timedelta = LEASE
) -> Lease[Job] | None:
    """Take a job and set its state. None when it is finished or another process has its lease."""

    def take(session: Session) -> Job | None:
        now = utc_now()
        job = session.scalar(
            select(table).where(table.id == job_id, *_is_free(table, now)).with_for_update(skip_locked=True)
        )
        if job is not None:
            job.claimed_by, job.claimed_until, job.state = wire.new_id(), now + lasting, state
            job.tries += 1
        return job

    job: Job | None = runtime.database.write(None, take)
    return None if job is None else Lease(runtime, job)


def attempt(
    lease: Lease[Job], most: int, work: Callable[[], bool], give_up: Callable[[UnitOfWork, Job], Any]
) -> bool:
    """Do `work()` for a job, at most `most` times; then `give_up(unit_of_work, job)` ends it.

    False where the job must be tried again. Raises what `work` raises as Refused, which is no fault of the job: while a service, a
    database or a disk is away, no try is counted.
    """
    tries = lease.job.tries
    if tries > most:  # the processes that tried have died
        lease.write(give_up)
        return True
    try:
        return work()
    except Refused as refusal:
        if refusal.code == "service_unavailable":
            lease.write(_count_no_try)
        raise
    except Exception as error:  # whatever it is, the job must come to an end
        log.error(
            "directory_job_failed",
            job=lease.job.__tablename__,
            job_id=lease.job.id,
            tries=tries,
            error=type(error).__name__,
            where=where(error),
        )
    lease.write(give_up if tries >= most else _give_back)
    return tries >= most


def _give_back(_unit: UnitOfWork, job: LeasedJob) -> None:
    """Let another round try again at once. This is counted as an attempt."""
    job.claimed_by = job.claimed_until = None


def _count_no_try(_unit: UnitOfWork, job: LeasedJob) -> None:
    """The lease stays, and a round after it tries again."""
    job.tries -= 1


def release(job: LeasedJob) -> None:
    """Give a job back, so that another round may continue at once. This is not counted as an attempt."""
    job.claimed_by = job.claimed_until = None
    job.tries -= 1


def carry_on_all(
    runtime: Runtime, table: type[Job], carry_on: Callable[[str], bool], is_stopping: Callable[[], bool]
) -> bool:
    """Call `carry_on(job_id)` for every job without a lease, oldest first. False when one must be tried again."""
    with runtime.database.reading(None) as session:
        free = select(table.id).where(*_is_free(table, utc_now())).order_by(table.created_at)
        waiting = session.scalars(free).all()
    is_complete = True
    for job_id in waiting:
        if is_stopping():
            break
        try:
            is_complete &= carry_on(job_id)
        except Refused as refusal:  # the database was busy: the lease runs out, and a later round continues
            log.warning(
                "directory_job_interrupted", job=table.__tablename__, job_id=job_id, code=refusal.code
            )
            is_complete = False
    return is_complete


def _is_free(table: type[LeasedJob], now: datetime.datetime) -> tuple[Any, ...]:
    return table.finished_at.is_(None), or_(table.claimed_until.is_(None), table.claimed_until < now)
