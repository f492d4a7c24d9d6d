"""Exports as jobs: each is audited when it starts and when its file is fetched, and the file is kept for a day.

A small directory is written within its call. A large one takes half a minute of computing, so a child process writes it.
The loop of the replica that holds the lease watches the child. If that replica dies, another one starts over.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.blobs import EXPORTS
from services.chassis.database import hold_counter
from services.chassis.logs import log
from services.chassis.loop import Loop
from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.runtime import Runtime
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.referrals.directory import leases
from services.referrals.directory.leases import Lease
from services.referrals.directory.revisions import revision_of, withheld_at
from services.referrals.directory.rules import EXPIRED, FAILED, READY, WAITING, WRITING
from services.referrals.directory_exports.child import MOST_BYTES, Writing
from services.referrals.directory_exports.models import DirectoryExport
from services.referrals.hsds.queries import size_of_directory, whole_directory

EVERY_S, SWEPT_EVERY_S, LOOKED_AT_EVERY_S = 15.0, 300.0, 1.0
DONE_IN_CALL = 5_000
KEPT = datetime.timedelta(days=1)
TRIES = 3
LOOP = "directory-exports"
MADE_PRIVATE = "made_private"


class DirectoryExportsLoop(Loop):
    """Writes exports; woken by each new one."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(LOOP, lambda: work(runtime, self.stopping.is_set), EVERY_S)


def loops(runtime: Runtime) -> list[Loop]:
    """The loop that writes exports, and the one that deletes their files after a day."""
    return [
        DirectoryExportsLoop(runtime),
        Loop("directory-files", lambda: sweep(runtime), SWEPT_EVERY_S),
    ]


def sweep(runtime: Runtime) -> bool:
    """Delete the files of exports that are older than a day."""
    runtime.blobs.sweep_passing(KEPT.total_seconds(), EXPORTS)
    return True


def start(call: Call) -> Any:
    """Store a new export, and write it at once if it is small. While one is unfinished, that one is answered instead."""
    with call.runtime.database.reading(call.organisation_id) as session:
        total = size_of_directory(session)
    export_id = call.commit(_find_or_start, total)["export_id"]
    if total <= DONE_IN_CALL:
        carry_on(call.runtime, export_id)
    call.runtime.loops.wake(LOOP)
    return call.read(lambda session, *_: view_of(session, _find(session, export_id)))


def get_directory_export(session: Session, _caller: Caller | None, *, export_id: str) -> dict[str, Any]:
    """An export with its progress. Raises Refused `not_found`."""
    return view_of(session, _find(session, export_id))


def download(call: Call) -> Any:
    """The file of an export, audited before it is handed out. Raises Refused `not_found`, `export_not_ready`."""
    with call.runtime.database.reading(call.organisation_id) as session:
        export = _find(session, call.request["export_id"])
        view = view_of(session, export)
    if view["reason"] == MADE_PRIVATE:
        detail = "Something in this file has been marked as private since; export the directory anew."
        raise Refused("not_found", detail, "export_id")
    if view["state"] in (EXPIRED, FAILED):
        raise Refused("not_found", "There is no such file any more; export the directory anew.", "export_id")
    if view["state"] != READY or export.sha256 is None:
        raise Refused("export_not_ready", "The export is still being written; ask again soon.", "export_id")
    call.runtime.blobs.find(export.organisation_id, export.sha256)

    def audited(unit: UnitOfWork) -> dict[str, Any]:
        unit.audit("directory.exported", "export", export.id, size=export.size)
        name = f"directory-{export.created_at:%Y%m%d}.{export.format}.json"
        file = {"sha256": export.sha256, "size": export.size}
        return {**file, "media_type": "application/json", "file_name": name}

    return call.commit(audited)


def view_of(session: Session, export: DirectoryExport) -> dict[str, Any]:
    """The members of the contract's ExportReport. A file that shows what is private by now has expired."""
    if export.state == READY and withheld_at(session) > export.revision:
        return _view(export) | {"state": EXPIRED, "reason": MADE_PRIVATE}
    return _view(export)


def _view(export: DirectoryExport) -> dict[str, Any]:
    is_over = export.expires_at is not None and export.expires_at <= utc_now()
    names = (
        "format", "total", "done", "size", "reason", "requested_by", "created_at", "finished_at", "expires_at",
    )  # fmt: skip
    members = {name: getattr(export, name) for name in names}
    return {"export_id": export.id, "state": EXPIRED if is_over else export.state, **members}


def work(runtime: Runtime, is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Write all exports that have no lease, oldest first. False when one failed and must be tried again."""
    return leases.carry_on_all(
        runtime, DirectoryExport, lambda each: carry_on(runtime, each, is_stopping=is_stopping), is_stopping
    )


def carry_on(runtime: Runtime, export_id: str, *, is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Write an export unless another process does. False where it failed and is tried again."""
    lease = leases.claim(runtime, DirectoryExport, export_id, WRITING)
    if lease is None:
        return True
    return leases.attempt(lease, TRIES, lambda: _carry_on(runtime, lease, is_stopping), _give_up)


def _carry_on(runtime: Runtime, lease: Lease[DirectoryExport], is_stopping: Callable[[], bool]) -> bool:
    try:
        if lease.job.total <= DONE_IN_CALL:
            file = _write_here(runtime, lease.job.organisation_id)
            lease.write(lambda unit, export: _finish(unit, export, *file))
            return True
        return _write_in_child(runtime, lease, is_stopping)
    except Refused as refusal:
        if refusal.code != "request_too_large":
            raise
        lease.write(lambda unit, export: _fail(unit, export, "too_large"))
        return True


def _find_or_start(unit: UnitOfWork, total: int, *, format: str) -> dict[str, Any]:  # noqa: A002 - the contract's name
    hold_counter(unit.session, "directory_exports", str(unit.organisation_id), format)
    unfinished = select(DirectoryExport).where(
        DirectoryExport.finished_at.is_(None), DirectoryExport.format == format
    )
    export = unit.session.scalars(unfinished.order_by(DirectoryExport.created_at).limit(1)).first()
    if export is None or withheld_at(unit.session) > export.revision:
        export = unit.add(
            DirectoryExport(
                id=wire.new_id(),
                organisation_key=unit.organisation_key,
                format=format,
                state=WAITING,
                revision=revision_of(unit.session),
                total=total,
                done=0,
                requested_by=unit.actor_id,
                tries=0,
                created_at=unit.now,
            )
        )
        unit.audit("directory.export_started", "export", export.id, total=total)
    return _view(export)


def _write_here(runtime: Runtime, organisation_id: str) -> tuple[str, int]:
    def read(query: Callable[[Session], Any]) -> Any:
        time.sleep(0)  # a page takes some tens of milliseconds: yield to other greenlets before each
        with runtime.database.reading(organisation_id) as session:
            return query(session)

    written: tuple[str, int] = runtime.blobs.put_passing(
        organisation_id, whole_directory(read), MOST_BYTES, EXPORTS
    )
    return written


def _write_in_child(runtime: Runtime, lease: Lease[DirectoryExport], is_stopping: Callable[[], bool]) -> bool:
    with Writing(runtime, lease.job.organisation_id) as writing:
        while writing.is_going_on():
            if is_stopping():
                lease.write(_release)
                return True
            done = min(writing.done(), lease.job.total)
            lease.write(partial(_note_progress, done=done))
            time.sleep(LOOKED_AT_EVERY_S)
        written = writing.result()
    if written is None:
        log.error("directory_export_failed", export_id=lease.job.id, tries=lease.job.tries)
        return False
    lease.write(lambda unit, export: _finish(unit, export, *written))
    return True


def _note_progress(_unit: UnitOfWork, export: DirectoryExport, *, done: int) -> None:
    export.done = done


def _release(_unit: UnitOfWork, export: DirectoryExport) -> None:
    """Let another replica start over at once."""
    leases.release(export)
    export.state, export.done = WAITING, 0


def _finish(unit: UnitOfWork, export: DirectoryExport, sha256: str, size: int) -> None:
    export.state, export.sha256, export.size = READY, sha256, size
    export.done, export.finished_at, export.expires_at = export.total, unit.now, unit.now + KEPT


def _give_up(unit: UnitOfWork, export: DirectoryExport) -> None:
    _fail(unit, export, "interrupted")


def _fail(unit: UnitOfWork, export: DirectoryExport, reason: str) -> None:
    export.state, export.reason, export.finished_at = FAILED, reason, unit.now
    unit.audit("directory.export_failed", "export", export.id, reason=reason)


def _find(session: Session, export_id: str) -> DirectoryExport:
    row: DirectoryExport | None = session.scalar(
        select(DirectoryExport).where(DirectoryExport.id == export_id)
    )
    if row is None:
        raise Refused("not_found", "There is no such export.", "export_id")
    return row
