"""The last part of an order, once every other service has answered: identity's own rows, and the file of an export.

identity comes last because the others ask it, while they work, whom an order is about. The loop tries again until it is done, in
whichever process: each finished order is one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from services.chassis import person_rows
from services.chassis.blobs import EXPORTS
from services.chassis.logs import log, where
from services.chassis.loop import Loop
from services.chassis.operations import Call
from services.chassis.person_rows import Person
from services.chassis.personal_data import MOST_BYTES, erase, lines_of
from services.chassis.runtime import Runtime
from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import personal_data as contract
from services.contracts.personal_data import KEPT_FOR
from services.identity.models import Base
from services.identity.personal_data.kept import KEPT
from services.identity.personal_data.models import PersonalDataPart
from services.identity.personal_data.queries import find_job, state_of
from services.identity.registry.models import PersonalDataJob

LOOP, EVERY_S = "personal-data", 15.0
OURS = "identity"


class PersonalDataLoop(Loop):
    """Finishes orders; woken by each answer."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(LOOP, lambda: work(runtime, self.stopping.is_set), EVERY_S)


def note_part(unit: UnitOfWork, data: Mapping[str, Any], service: str) -> None:
    """Note what a service has answered; a repeated answer changes nothing."""
    job = _lock(unit, data["job_id"])
    known = unit.session.get(PersonalDataPart, (job.id, service))
    if known is None:
        _add_part(
            unit,
            job,
            service,
            rows=data["rows"],
            kept={reason: data[f"kept_{reason}"] for reason in KEPT_FOR},
            sha256=data["sha256"],
        )


def work(runtime: Runtime, is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Finish all orders of which only identity's part is left, oldest first. False where one failed and is tried again."""
    answered = select(func.count()).where(PersonalDataPart.job_id == PersonalDataJob.id).scalar_subquery()
    with runtime.database.reading(None) as session:
        jobs = session.scalars(
            select(PersonalDataJob)
            .where(PersonalDataJob.finished_at.is_(None), answered == len(contract.PARTS) - 1)
            .order_by(PersonalDataJob.ordered_at)
        ).all()
    is_complete = True
    for job in jobs:
        if is_stopping():
            break
        is_complete = _is_finished(runtime, job) and is_complete
    return is_complete


def _is_finished(runtime: Runtime, job: PersonalDataJob) -> bool:
    """Finish an order. Where that fails it waits for the next round, and the others continue."""
    try:
        if job.kind == "export":
            _finish_export(runtime, job)
        else:
            _in_a_transaction(runtime, job, _finish_erasure)
    except Exception as error:
        log.error("personal_data_job_waits", job_id=job.id, error=type(error).__name__, where=where(error))
        return False
    return True


def _finish_export(runtime: Runtime, job: PersonalDataJob) -> None:
    with runtime.database.reading(job.organisation_id) as session:
        answered = select(PersonalDataPart.sha256).where(PersonalDataPart.job_id == job.id)
        parts = [sha256 for sha256 in session.scalars(answered) if sha256 is not None]  # each export has one
        found = person_rows.rows_of(session.connection(), Base, _person(job))
    try:
        files = [runtime.blobs.find(job.organisation_id, sha256, EXPORTS) for sha256 in parts]
    except Refused as refusal:
        if refusal.code != "not_found":
            raise
        # A service needed so long that the first files are gone.
        _in_a_transaction(runtime, job, _fail)
        return
    lines = _all_lines(lines_of(Base, OURS, found), files)
    sha256, size = runtime.blobs.put_passing(job.organisation_id, lines, MOST_BYTES, EXPORTS)
    rows = sum(map(len, found.values()))

    def finish(unit: UnitOfWork, job: PersonalDataJob) -> None:
        job.sha256, job.size = sha256, size
        _add_part(unit, job, OURS, rows=rows, kept={}, sha256=None)
        unit.audit("person.exported", "person", job.person_id, job_id=job.id, rows=rows)

    _in_a_transaction(runtime, job, finish)


def _all_lines(own: Iterator[bytes], files: list[Path]) -> Iterator[bytes]:
    yield from own
    for path in files:
        with path.open("rb") as file:
            yield from file


def _finish_erasure(unit: UnitOfWork, job: PersonalDataJob) -> None:
    erased = erase(unit.session, Base, _person(job), KEPT)
    _add_part(unit, job, OURS, rows=erased.rows, kept=dict(erased.kept), sha256=None)
    unit.audit("person.erased", "person", job.person_id, job_id=job.id, rows=erased.rows)
    merged = [each for each in job.people if each != job.person_id]
    unit.publish(
        contract.person_erased, job.id, {"job_id": job.id, "person_id": job.person_id, "merged_ids": merged}
    )


def _fail(_unit: UnitOfWork, job: PersonalDataJob) -> None:
    job.has_failed = True


def _in_a_transaction(
    runtime: Runtime, job: PersonalDataJob, step: Callable[[UnitOfWork, PersonalDataJob], None]
) -> None:
    def finish(unit: UnitOfWork) -> None:
        locked = _lock(unit, job.id)
        if locked.finished_at is None:  # otherwise another process was faster
            step(unit, locked)
            locked.finished_at = unit.now

    caller = itself(runtime, job.organisation_id, job.organisation_key)
    transact_as(runtime, caller, finish, correlation_id=job.id)


def _lock(unit: UnitOfWork, job_id: str) -> PersonalDataJob:
    return unit.session.scalars(
        select(PersonalDataJob).where(PersonalDataJob.id == job_id).with_for_update()
    ).one()


def _add_part(
    unit: UnitOfWork, job: PersonalDataJob, service: str, *, rows: int, kept: Any, sha256: str | None
) -> None:
    unit.add(
        PersonalDataPart(
            job_id=job.id, service=service, done_at=unit.now, rows=rows, kept=kept, sha256=sha256
        )
    )


def _person(job: PersonalDataJob) -> Person:
    return Person(job.organisation_id, job.people, job.accounts)


def download(call: Call) -> Any:
    """The file of an export, audited before it is handed out. Raises Refused(not_found, export_not_ready)."""

    def audited(unit: UnitOfWork, *, job_id: str) -> dict[str, Any]:
        job = find_job(unit.session, job_id)
        state = state_of(job, unit.now)
        if state == "running":
            raise Refused("export_not_ready", "The export is still being written; ask again soon.", "job_id")
        if state != "finished" or job.sha256 is None:
            raise Refused("not_found", "There is no such file any more: export the person anew.", "job_id")
        unit.audit("person.export_downloaded", "person", job.person_id, job_id=job.id, size=job.size)
        return {
            "sha256": job.sha256,
            "size": job.size,
            "media_type": "application/x-ndjson",
            "file_name": f"person-{job.person_id}.ndjson",
        }

    return call.commit(audited)
