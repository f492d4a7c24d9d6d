"""Enabling and inviting many patients in the background, each in its own transaction."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import select

from services.chassis import wire
from services.chassis.loop import Loop
from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.runtime import Runtime
from services.chassis.transactions import transact_as
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.models import Organisation
from services.identity.patients import enrolment
from services.identity.patients.models import PatientJob, PatientJobItem
from services.identity.patients.queries import job_view

T = TypeVar("T")
EVERY_S = 5.0
CHUNK = 50
WAITING, DONE, FAILED = "waiting", "done", "failed"
LOOP = "patient-jobs"


class PatientJobsLoop(Loop):
    """Works on jobs. Each new one wakes it."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(LOOP, lambda: work(runtime, self.stopping.is_set), EVERY_S)


def start(call: Call) -> Any:
    """Note a job and wake the loop. Raises Refused(details_missing)."""
    answer = call.commit(_start)
    call.runtime.loops.wake(LOOP)
    return answer


def _start(
    unit: UnitOfWork, *, kind: str, person_ids: list[str], attests_email_is_private: bool
) -> dict[str, Any]:
    if kind == "enable":
        enrolment.require_attestation(attests_email_is_private)
    job = PatientJob(
        id=wire.new_id(),
        kind=kind,
        requested_by=unit.actor_id,
        is_attested=attests_email_is_private,
        created_at=unit.now,
    )
    unit.add(job)
    unit.session.flush()
    distinct_ids = dict.fromkeys(person_ids)
    for person_id in distinct_ids:
        unit.add(PatientJobItem(job_id=job.id, person_id=person_id, state=WAITING))
    unit.audit("patients.job_started", "patient_job", job.id, kind=job.kind, total=len(distinct_ids))
    unit.session.flush()
    return job_view(unit.session, job)


def work(runtime: Runtime, is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Carry out the waiting items, chunk by chunk. Replicas share the work."""
    while not is_stopping():
        with runtime.database.reading(None) as session:
            jobs = session.execute(
                select(PatientJob, Organisation)
                .join(Organisation, Organisation.id == PatientJob.organisation_id)
                .where(PatientJob.finished_at.is_(None))
                .order_by(PatientJob.created_at)
                .limit(CHUNK)
            ).all()
        if not jobs:
            break
        for job, organisation in jobs:
            _work_on(runtime, job, organisation, is_stopping)
        if all(_finished(runtime, job, organisation) is False for job, organisation in jobs):
            break  # another replica holds what is left
    return True


def _work_on(
    runtime: Runtime, job: PatientJob, organisation: Organisation, is_stopping: Callable[[], bool]
) -> None:
    with runtime.database.reading(organisation.id) as session:
        waiting = session.scalars(
            select(PatientJobItem.person_id)
            .where(PatientJobItem.job_id == job.id, PatientJobItem.state == WAITING)
            .limit(CHUNK)
        ).all()
    for person_id in waiting:
        if is_stopping():
            return
        try:
            _in_a_transaction(runtime, job, organisation, partial(_carry_out, job=job, person_id=person_id))
        except Refused as refusal:
            # The refusal has rolled back its transaction: it is noted in another one.
            note = partial(_note_failure, job=job, person_id=person_id, refusal=refusal)
            _in_a_transaction(runtime, job, organisation, note)


def _carry_out(unit: UnitOfWork, job: PatientJob, person_id: str) -> None:
    """Carry out one item. It is locked, and it commits together with its work, so that it is done once."""
    item = _waiting_item(unit, job, person_id)
    if item is None:
        return
    person = enrolment.load_patient(unit, person_id)
    if job.kind == "enable":
        enrolment.require_details(person, "email", "postal_code")
        enrolment.enable(unit, person, is_attested=job.is_attested, way="job")
    else:
        enrolment.send_link(unit, person)
    item.state = DONE


def _note_failure(unit: UnitOfWork, job: PatientJob, person_id: str, refusal: Refused) -> None:
    if refusal.code == "service_unavailable":
        return  # the database was busy: the item waits for the next round
    item = _waiting_item(unit, job, person_id)
    if item is not None:
        item.state, item.reason, item.field = FAILED, refusal.code, refusal.field


def _waiting_item(unit: UnitOfWork, job: PatientJob, person_id: str) -> PatientJobItem | None:
    found: PatientJobItem | None = unit.session.scalar(
        select(PatientJobItem)
        .where(
            PatientJobItem.job_id == job.id,
            PatientJobItem.person_id == person_id,
            PatientJobItem.state == WAITING,
        )
        .with_for_update(skip_locked=True)
    )
    return found


def _finished(runtime: Runtime, job: PatientJob, organisation: Organisation) -> bool:
    """Close the job if no item waits any more. Answers whether it is closed."""

    def close(unit: UnitOfWork) -> bool:
        row = unit.session.scalars(select(PatientJob).where(PatientJob.id == job.id).with_for_update()).one()
        waiting = unit.session.scalar(
            select(PatientJobItem.person_id)
            .where(PatientJobItem.job_id == job.id, PatientJobItem.state == WAITING)
            .limit(1)
        )
        if waiting is None and row.finished_at is None:
            row.finished_at = unit.now
            counts = job_view(unit.session, row)
            unit.audit(
                "patients.job_finished",
                "patient_job",
                job.id,
                done=counts["done"],
                failed=counts["failed"],
            )
        return waiting is None

    return _in_a_transaction(runtime, job, organisation, close)


def _in_a_transaction(
    runtime: Runtime, job: PatientJob, organisation: Organisation, step: Callable[[UnitOfWork], T]
) -> T:
    """Run `step(unit_of_work)` on behalf of whoever started the job."""
    requester = Caller("account", job.requested_by, organisation.id, organisation.key, "staff")
    return transact_as(runtime, requester, step, correlation_id=job.id)
