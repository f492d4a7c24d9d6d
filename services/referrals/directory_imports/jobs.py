"""Imports as jobs: a child process reads the file, then records are written in small transactions, so none blocks long.

A small file is imported within its call. The loop of the replica that holds the lease continues a large one, or one whose
call has died. An import may be repeated, because records that are written already compare as unchanged.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from eventlet import tpool
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.blobs import DOCUMENTS, IMPORTS
from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.loop import Loop
from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.runtime import Runtime
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.referrals.directory_imports import directory_imported
from services.referrals.directory import leases
from services.referrals.directory.rules import APPLYING, DONE, READING, REFUSED, WAITING
from services.referrals.directory_imports import closings, writes
from services.referrals.directory_imports.models import DirectoryImport
from services.referrals.directory_imports.reader import Upload, read_upload
from services.referrals.directory_imports.report import FileRefused
from services.referrals.directory_imports.rules import COUNTS
from services.referrals.directory_imports.spool import Entry

EVERY_S = 15.0
DONE_IN_CALL_BYTES, DONE_IN_CALL_RECORDS = 8_000_000, 5_000
RECORDS_AT_ONCE = 30
LEASE_READING = datetime.timedelta(minutes=8)
TRIES = 5
LOOP = "directory-imports"
_ORDER = "directory imports"


class DirectoryImportsLoop(Loop):
    """Continues imports; woken by each new one."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(LOOP, lambda: work(runtime, self.stopping.is_set), EVERY_S)


def start(call: Call) -> Any:
    """Import an upload. Raises what `_start` raises."""
    document = call.request["document"]
    return _start(call, document["sha256"], document["size"])


def apply(call: Call) -> Any:
    """Import the file of an earlier import. Raises what `_start` raises."""
    import_id = call.request["import_id"]
    with call.runtime.database.reading(call.organisation_id) as session:
        sha256 = _find(session, import_id).sha256
    try:
        size = call.runtime.blobs.find(call.organisation_id or "", sha256, IMPORTS).stat().st_size
    except (Refused, FileNotFoundError):
        raise Refused("not_found", "The file of this import is no longer kept. Upload it again.") from None
    return _start(call, sha256, size)


def _start(call: Call, sha256: str, size: int) -> Any:
    """Store a new import, and do it at once if it is small.

    Raises Refused(not_found), FileRefused, and Refused(program_has_open_referrals) for a file that nobody has confirmed.
    """
    tpool.execute(call.runtime.blobs.keep, call.organisation_id, sha256, IMPORTS)
    import_id = call.commit(_new_import, sha256)["import_id"]
    if size <= DONE_IN_CALL_BYTES:
        carry_on(call.runtime, import_id, most_records=DONE_IN_CALL_RECORDS)
    call.runtime.loops.wake(LOOP)
    answer = call.read(lambda session, *_: view_of(_find(session, import_id)))
    if answer["state"] == REFUSED:
        refusal = answer["refusal"]
        if refusal["reason"] == closings.OPEN_REFERRALS:
            raise Refused("program_has_open_referrals", refusal["detail"], "confirm", **answer["closing"])
        raise FileRefused(**refusal)
    return answer


def _new_import(unit: UnitOfWork, sha256: str, *, confirm: bool, dry_run: bool = False) -> dict[str, Any]:
    job = DirectoryImport(
        id=wire.new_id(),
        organisation_key=unit.organisation_key,
        state=WAITING,
        is_dry_run=dry_run,
        is_confirmed=confirm,
        sha256=sha256,
        done=0,
        counts=dict.fromkeys(COUNTS, 0),
        levels={},
        problems=[],
        warnings=[],
        requested_by=unit.actor_id,
        tries=0,
        created_at=unit.now,
    )
    unit.add(job)
    unit.audit("directory.import_started", "import", job.id, is_dry_run=job.is_dry_run)
    return view_of(job)


def work(runtime: Runtime, is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Continue all imports that have no lease, oldest first. False when one failed and must be tried again."""
    return leases.carry_on_all(
        runtime, DirectoryImport, lambda each: carry_on(runtime, each, is_stopping=is_stopping), is_stopping
    )


def carry_on(
    runtime: Runtime,
    import_id: str,
    *,
    most_records: int | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> bool:
    """Do the rest of an import, unless another process does. With `most_records`, larger files are left to the loop.

    False where it failed and is tried again. A file that is refused ends its import.
    """
    lease = leases.claim(runtime, DirectoryImport, import_id, READING, LEASE_READING)
    if lease is None:
        return True
    return leases.attempt(
        lease, TRIES, lambda: _carry_on(runtime, lease, most_records, is_stopping), _give_up
    )


def _carry_on(
    runtime: Runtime,
    lease: leases.Lease[DirectoryImport],
    most_records: int | None,
    is_stopping: Callable[[], bool],
) -> bool:
    try:
        upload = read_upload(_file_of(runtime, lease.job))
    except FileRefused as refusal:
        facts = refusal.facts()
        lease.write(lambda unit, job: _refuse(unit, job, facts))
        return True
    with upload:
        is_too_much = most_records is not None and upload.total > most_records
        lease.write(lambda unit, job: _begin(unit, job, upload, give_up=is_too_much))
        if is_too_much:
            return True
        if lease.job.closing is None and not _may_close(runtime, lease, upload):
            return True
        upload.skip(lease.job.done)
        while entries := upload.take(RECORDS_AT_ONCE):
            if is_stopping():
                lease.write(lambda _unit, job: leases.release(job))
                return True
            lease.write(partial(_apply, entries=entries))
        lease.write(_finish)
    return True


def _file_of(runtime: Runtime, job: DirectoryImport) -> Path:
    """Where the file of an import is. One that was begun by an earlier version has its file among the documents."""
    try:
        path: Path = runtime.blobs.find(job.organisation_id, job.sha256, IMPORTS, DOCUMENTS)
    except Refused:
        raise FileRefused("failed", "The file of the import is no longer there; upload it again.") from None
    return path


def files_in_use(session: Session, sha256s: Collection[str]) -> set[str]:
    """Those of these files to which an unfinished import refers."""
    found = select(DirectoryImport.sha256).where(
        DirectoryImport.sha256.in_(sha256s), DirectoryImport.finished_at.is_(None)
    )
    return set(session.scalars(found))


def _begin(_unit: UnitOfWork, job: DirectoryImport, upload: Upload, *, give_up: bool) -> None:
    if job.total is None:
        job.source, job.total = upload.source, upload.total
        job.problems, job.warnings = upload.problems, upload.warnings
        job.counts = job.counts | {"refused": upload.refused}
    job.state = APPLYING
    if give_up:
        leases.release(job)


def _may_close(runtime: Runtime, lease: leases.Lease[DirectoryImport], upload: Upload) -> bool:
    """Note what the file closes. False where programs with open referrals are among it, and nobody has confirmed that."""
    closing = closings.closing_of(runtime.database, lease.job, upload)
    upload.rewind()
    is_asked = closing["open_referrals"] > 0 and not (lease.job.is_dry_run or lease.job.is_confirmed)

    def note(unit: UnitOfWork, job: DirectoryImport) -> None:
        job.closing = closing
        if is_asked and job.finished_at is None:
            _refuse(unit, job, closings.refusal_of(closing))

    lease.write(note)
    return not is_asked


def _apply(unit: UnitOfWork, job: DirectoryImport, *, entries: Sequence[Entry]) -> None:
    if job.finished_at is None:
        writes.apply(unit, job, entries)
        job.done += len(entries)


def _refuse(unit: UnitOfWork, job: DirectoryImport, facts: dict[str, Any]) -> None:
    job.state, job.refusal, job.finished_at = REFUSED, facts, unit.now
    unit.audit("directory.import_refused", "import", job.id, reason=facts["reason"])


def _give_up(unit: UnitOfWork, job: DirectoryImport) -> None:
    detail = "The import failed or was interrupted too often; try it again."
    _refuse(unit, job, FileRefused("failed", detail).facts())


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


def _find(session: Session, import_id: str) -> DirectoryImport:
    row: DirectoryImport | None = session.scalar(
        select(DirectoryImport).where(DirectoryImport.id == import_id)
    )
    if row is None:
        raise Refused("not_found", "There is no such import.")
    return row


def get_directory_import(session: Session, _caller: Caller | None, *, import_id: str) -> dict[str, Any]:
    """An import with its report. Raises Refused(not_found)."""
    return view_of(_find(session, import_id))


def list_directory_imports(
    session: Session, _caller: Caller | None, *, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of imports, newest first. Raises Refused(invalid_request) for a cursor of another list."""
    statement = select(DirectoryImport).order_by(DirectoryImport.created_at.desc(), DirectoryImport.id.desc())
    if after is not None:
        created_at, last_id = read_cursor(after, _ORDER, datetime.datetime, str)
        statement = statement.where(
            or_(
                DirectoryImport.created_at < created_at,
                (DirectoryImport.created_at == created_at) & (DirectoryImport.id < last_id),
            )
        )
    rows = session.scalars(statement.limit(limit + 1)).all()
    page = rows[:limit]
    return {
        "items": [view_of(row) for row in page],
        "next": cursor_of(_ORDER, page[-1].created_at, page[-1].id) if len(rows) > len(page) else None,
    }


def view_of(job: DirectoryImport) -> dict[str, Any]:
    """The members of the contract's ImportReport."""
    names = (
        "state", "is_dry_run", "source", "total", "done", "levels", "problems", "warnings", "closing", "refusal",
        "requested_by", "created_at", "finished_at",
    )  # fmt: skip
    return {"import_id": job.id, **job.counts, **{name: getattr(job, name) for name in names}}
