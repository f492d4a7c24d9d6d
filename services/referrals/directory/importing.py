"""An import: noted, read in a child process, then written a few hundred records a transaction, so that nobody waits long.

A small file is done within its call. A large one, and one whose call has died, is carried on by the loop, in whichever
replica holds the lease. Comparing makes it repeatable: what was written already is passed over.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.logs import log
from services.chassis.loop import Loop
from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.steps import take_step
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.referrals import directory_imported
from services.referrals.directory import applying
from services.referrals.directory.models import DirectoryImport
from services.referrals.directory.reading import Upload, read_upload
from services.referrals.directory.report import FileRefused
from services.referrals.directory.rules import APPLYING, COUNTS, DONE, READING, REFUSED, WAITING

Request = Mapping[str, Any]
EVERY_S = 15.0
DONE_IN_CALL_BYTES, DONE_IN_CALL_RECORDS = 8_000_000, 5_000
RECORDS_AT_ONCE = 100
LEASE_READING, LEASE = datetime.timedelta(minutes=8), datetime.timedelta(minutes=1)
TRIES = 5


class DirectoryImportsLoop(Loop):
    """Carries imports on; woken by each that is too large for its call."""

    def __init__(self, runtime: Any) -> None:
        super().__init__("directory-imports", lambda: work(runtime, self.stopping.is_set), EVERY_S)


def start(call: Call) -> Any:
    """Note an import and do it, if it is small. Raises Refused(not_found) and FileRefused."""
    document = call.request["document"]
    if not call.runtime.blobs.path(call.organisation_id, document["sha256"]).is_file():
        raise Refused("not_found", "The document is not in the store.")
    import_id = call.commit(_note)["import_id"]
    if document["size"] <= DONE_IN_CALL_BYTES:
        carry_on(call.runtime, import_id, most_records=DONE_IN_CALL_RECORDS)
    for loop in call.runtime.loops:
        if isinstance(loop, DirectoryImportsLoop):
            loop.wake()
    answer = call.read(lambda session, *_: view_of(_find(session, import_id)))
    if answer["state"] == REFUSED:
        raise FileRefused(**answer["refusal"])
    return answer


def _note(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    job = DirectoryImport(
        id=wire.new_id(),
        organisation_key=unit.organisation_key,
        state=WAITING,
        is_dry_run=request["dry_run"],
        sha256=request["document"]["sha256"],
        done=0,
        counts=dict.fromkeys(COUNTS, 0),
        levels={},
        problems=[],
        warnings=[],
        requested_by=unit.caller.id if unit.caller else "",
        tries=0,
        created_at=unit.now,
    )
    unit.add(job)
    unit.audit("directory.import_started", "import", job.id, is_dry_run=job.is_dry_run)
    return view_of(job)


def work(runtime: Any, is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Carry on, oldest first, whatever import nobody works on. False when one failed and is to be tried again."""
    is_well = True
    with runtime.database.reading(None) as session:
        waiting = session.scalars(
            select(DirectoryImport.id)
            .where(DirectoryImport.finished_at.is_(None), _is_free(utc_now()))
            .order_by(DirectoryImport.created_at)
        ).all()
    for import_id in waiting:
        if is_stopping():
            break
        try:
            carry_on(runtime, import_id, is_stopping=is_stopping)
        except Refused as refusal:  # the database was busy: the lease runs out, and another round goes on
            log.warning("directory_import_interrupted", import_id=import_id, code=refusal.code)
            is_well = False
    return is_well


def carry_on(
    runtime: Any,
    import_id: str,
    *,
    most_records: int | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Do what is left of an import, unless somebody else does. With `most_records` only if the file holds no more."""
    lease = _claim(runtime, import_id)
    if lease is None:
        return
    try:
        upload = read_upload(runtime.blobs.path(lease.organisation_id, lease.sha256))
    except FileRefused as refusal:
        facts = refusal.facts()
        lease.write(lambda unit, job: _refuse(unit, job, facts))
        return
    with upload:
        is_too_much = most_records is not None and upload.total > most_records
        lease.write(lambda unit, job: _begin(unit, job, upload, give_up=is_too_much))
        if is_too_much:
            return
        upload.skip(lease.done)
        while entries := upload.take(RECORDS_AT_ONCE):
            if is_stopping():
                lease.write(lambda _unit, job: _release(job))
                return
            lease.write(lambda unit, job, chunk=entries: _apply(unit, job, chunk))
        lease.write(_finish)


class Lease:
    """The right to work on one import. Each step renews it; a step is refused once somebody else has taken over."""

    def __init__(self, runtime: Any, job: DirectoryImport, token: str) -> None:
        self._runtime = runtime
        self._token = token
        self.import_id, self.organisation_id, self.organisation_key = (
            job.id,
            job.organisation_id,
            job.organisation_key,
        )
        self.sha256, self.done, self._requested_by = job.sha256, job.done, job.requested_by

    def write(self, step: Callable[[UnitOfWork, DirectoryImport], Any]) -> None:
        """Run `step(unit_of_work, import)` in a transaction on behalf of whoever asked for the import."""
        own = (self._requested_by, self.organisation_id, self.organisation_key, "staff")

        def run(unit: UnitOfWork) -> None:
            job = _find(unit.session, self.import_id, for_update=True)
            if job.claimed_by != self._token:
                raise Refused("conflict", "Another process has taken this import over.")
            job.claimed_until = unit.now + LEASE
            step(unit, job)

        take_step(self._runtime, Caller("account", *own), run, correlation_id=self.import_id)


def _claim(runtime: Any, import_id: str) -> Lease | None:
    """Take the import over for reading. None when it is finished or somebody works on it."""

    def claim(session: Session) -> Lease | None:
        now = utc_now()
        job = session.scalar(
            select(DirectoryImport)
            .where(DirectoryImport.id == import_id, DirectoryImport.finished_at.is_(None), _is_free(now))
            .with_for_update(skip_locked=True)
        )
        if job is None:
            return None
        job.claimed_by, job.claimed_until, job.state = wire.new_id(), now + LEASE_READING, READING
        job.tries += 1
        return Lease(runtime, job, job.claimed_by)

    lease: Lease | None = runtime.database.write(None, claim)
    return lease


def _is_free(now: datetime.datetime) -> Any:
    return or_(DirectoryImport.claimed_until.is_(None), DirectoryImport.claimed_until < now)


def _begin(unit: UnitOfWork, job: DirectoryImport, upload: Upload, *, give_up: bool) -> None:
    if job.tries > TRIES:
        _refuse(
            unit, job, FileRefused("failed", "The import was interrupted too often; try it again.").facts()
        )
        return
    if job.total is None:
        job.source, job.total = upload.source, upload.total
        job.problems, job.warnings = upload.problems, upload.warnings
        job.counts = job.counts | {"refused": upload.refused}
    job.state = APPLYING
    if give_up:
        _release(job)


def _release(job: DirectoryImport) -> None:
    """Let another round go on with it at once. It was no failure, so it is no try."""
    job.claimed_by = job.claimed_until = None
    job.tries -= 1


def _apply(unit: UnitOfWork, job: DirectoryImport, entries: Any) -> None:
    if job.finished_at is None:
        applying.apply(unit, job, entries)
        job.done += len(entries)


def _refuse(unit: UnitOfWork, job: DirectoryImport, facts: dict[str, Any]) -> None:
    job.state, job.refusal, job.finished_at = REFUSED, facts, unit.now
    unit.audit("directory.import_refused", "import", job.id, reason=facts["reason"])


def _finish(unit: UnitOfWork, job: DirectoryImport) -> None:
    if job.finished_at is not None:
        return
    job.state, job.finished_at = DONE, unit.now
    job.problems = sorted(job.problems, key=lambda problem: (problem.get("file") or "", problem["line"]))
    if job.is_dry_run:
        unit.audit("directory.import_tried", "import", job.id, **job.counts)
        return
    unit.audit("directory.imported", "import", job.id, **job.counts)
    unit.publish(directory_imported, job.id, {"import_id": job.id, **job.counts})


def _find(session: Session, import_id: str, *, for_update: bool = False) -> DirectoryImport:
    statement = select(DirectoryImport).where(DirectoryImport.id == import_id)
    row: DirectoryImport | None = session.scalar(statement.with_for_update() if for_update else statement)
    if row is None:
        raise Refused("not_found", "There is no such import.")
    return row


def get_directory_import(session: Session, _caller: Caller | None, request: Request) -> dict[str, Any]:
    """How far an import is. Raises Refused(not_found)."""
    return view_of(_find(session, request["import_id"]))


def list_directory_imports(session: Session, _caller: Caller | None, request: Request) -> dict[str, Any]:
    """The imports, newest first."""
    statement = select(DirectoryImport).order_by(DirectoryImport.created_at.desc(), DirectoryImport.id.desc())
    if request["after"] is not None:
        last = _find(session, request["after"])
        statement = statement.where(
            or_(
                DirectoryImport.created_at < last.created_at,
                (DirectoryImport.created_at == last.created_at) & (DirectoryImport.id < last.id),
            )
        )
    rows = session.scalars(statement.limit(request["limit"] + 1)).all()
    page = rows[: request["limit"]]
    return {
        "items": [view_of(row) for row in page],
        "next": page[-1].id if len(rows) > len(page) else None,
    }


def view_of(job: DirectoryImport) -> dict[str, Any]:
    """The members of the contract's ImportReport."""
    names = (
        "state", "is_dry_run", "source", "total", "done", "levels", "problems", "warnings", "refusal",
        "created_at", "finished_at",
    )  # fmt: skip
    return {"import_id": job.id, **job.counts, **{name: getattr(job, name) for name in names}}
