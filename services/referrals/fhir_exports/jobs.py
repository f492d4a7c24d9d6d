"""Writes exports, page by page, so that nobody waits for it: the pages of referrals from the database, those of portals by calls.

A file holds OF_A_FILE resources of a type at most. It is noted in one transaction with the place that it reaches, so that another
process goes on from there when this one dies. Unfinished exports take turns, a file each. What an erased person left in the files of a
day goes with all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import orjson
from sqlalchemy import or_, select

from services.chassis import wire
from services.chassis.blobs import EXPORTS
from services.chassis.events import IncomingEvent
from services.chassis.loop import Loop
from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.personal_data import Files, delete_files
from services.chassis.runtime import Runtime
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.portals import fhir as portals
from services.referrals.directory import leases
from services.referrals.directory.leases import Lease
from services.referrals.directory.rules import FAILED, READY, WAITING, WRITING
from services.referrals.fhir import queries
from services.referrals.fhir_exports import orders
from services.referrals.fhir_exports.models import FhirExport

LOOP = "fhir-exports"
EVERY_S, SWEPT_EVERY_S = 15.0, 300.0
OF_A_PAGE, OF_A_FILE = 50, 5_000
MOST_BYTES = 2_000_000_000
PAGE_WITHIN_S = 10.0
TRIES = 3
_FILES = Files(EXPORTS, orders.files_in_use)


class FhirExportsLoop(Loop):
    """Writes exports; woken by each new one."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(LOOP, lambda: work(runtime, self.stopping.is_set), EVERY_S)


def loops(runtime: Runtime) -> list[Loop]:
    """The loop that writes exports, and the one that forgets them; the files of all exports go by `directory_exports`."""
    return [FhirExportsLoop(runtime), Loop("fhir-exports-forgotten", lambda: forget(runtime), SWEPT_EVERY_S)]


def forget(runtime: Runtime) -> bool:
    """Forget the exports whose files have gone."""
    runtime.database.sweep(FhirExport, FhirExport.expires_at < utc_now())
    return True


def order(call: Call) -> Any:
    """Order an export, and begin it."""
    answer = call.commit(orders.order)
    call.runtime.loops.wake(LOOP)
    return answer


def cancel(call: Call) -> Any:
    """Stop an export, and delete its files."""
    files: list[str] = []

    def stop(unit: UnitOfWork, *, fhir_export_id: str) -> dict[str, Any]:
        files[:] = orders.cancel(unit, fhir_export_id=fhir_export_id)
        return {}

    answer = call.commit(stop)
    delete_files(call.runtime, call.organisation_id or "", _FILES, files)
    return answer


def withdraw_all(incoming: IncomingEvent) -> None:
    """A person was erased: what the exports of the organisation hold of the person goes with them."""
    files: list[str] = []

    def withdraw(unit: UnitOfWork, _data: Mapping[str, Any]) -> None:
        held = or_(FhirExport.expires_at.is_(None), FhirExport.expires_at > unit.now)
        exports = unit.session.scalars(select(FhirExport).where(held).with_for_update())
        files[:] = [sha256 for export in exports for sha256 in orders.withdraw(unit, export)]

    incoming.apply(withdraw)
    delete_files(incoming.runtime, incoming.context.organisation_id, _FILES, files)


def work(runtime: Runtime, is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Write a file of each export without a lease in turn, until all are written. False when one failed and must be tried again."""
    while True:
        unfinished: list[str] = []
        is_complete = leases.carry_on_all(
            runtime, FhirExport, partial(_carry_on, runtime, is_stopping, unfinished), is_stopping
        )
        if is_stopping() or not unfinished:
            return is_complete


def _carry_on(
    runtime: Runtime, is_stopping: Callable[[], bool], unfinished: list[str], export_id: str
) -> bool:
    lease = leases.claim(runtime, FhirExport, export_id, WRITING)
    if lease is None:
        return True

    def write() -> bool:
        if not _is_finished(runtime, lease, is_stopping):
            unfinished.append(export_id)
        return True

    return leases.attempt(lease, TRIES, write, _give_up)


def _is_finished(runtime: Runtime, lease: Lease[FhirExport], is_stopping: Callable[[], bool]) -> bool:
    """Write the next file of an export, if there is one. False where there is more, which waits for its turn."""
    export = lease.job
    if export.at_type == len(export.types):
        lease.write(_finish)
        return True
    file = _File(runtime, lease, is_stopping)
    sha256, size = runtime.blobs.put_passing(export.organisation_id, file.lines(), MOST_BYTES, EXPORTS)
    lease.write(partial(_note_file, file=file, sha256=sha256, size=size))
    return False


class _File:
    """A file that is being written: resources of a type, from the place on that the export has reached."""

    def __init__(self, runtime: Runtime, lease: Lease[FhirExport], is_stopping: Callable[[], bool]) -> None:
        export = lease.job
        self.resource_type = export.types[export.at_type]
        self.cursor = export.cursor
        self.count = 0
        self.is_whole = False
        self._done = sum(each["count"] for each in export.files)
        self._runtime = runtime
        self._lease = lease
        self._is_stopping = is_stopping

    def lines(self) -> Iterator[bytes]:
        """The resources, one a line: to the end of the type, or of the file, or until the service stops."""
        while not self.is_whole and self.count < OF_A_FILE and not (self.count and self._is_stopping()):
            time.sleep(0)  # yield to other greenlets before each page
            resources, self.cursor = self._page()
            self.is_whole = self.cursor is None
            self.count += len(resources)
            yield b"".join(orjson.dumps(each) + b"\n" for each in resources)
            self._lease.write(partial(_note_progress, done=self._done + self.count))

    def _page(self) -> tuple[list[dict[str, Any]], str | None]:
        export = self._lease.job
        within: dict[str, Any] = {"since": export.since, "until": export.created_at, "after": self.cursor}
        if self.resource_type in portals.EXPORTED:
            return self._page_of_portals(export, within)
        whose = (export.organisation_id, export.organisation_key)
        reader = Caller("account", export.requested_by, *whose, export.realm)
        with self._runtime.database.reading(export.organisation_id) as session:
            return queries.page_by_change(session, reader, self.resource_type, count=OF_A_PAGE, **within)

    def _page_of_portals(
        self, export: FhirExport, within: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], str | None]:
        page = self._runtime.ask(
            portals.fhir_page,
            {
                "resource_type": self.resource_type,
                "count": OF_A_PAGE,
                "account_id": export.requested_by,
                "realm": export.realm,
                **within,
            },
            organisation=(export.organisation_id, export.organisation_key),
            context=wire.CallContext(
                wire.new_id(), correlation_id=export.id, deadline=time.time() + PAGE_WITHIN_S
            ),
        )
        return page["resources"], page["next"]


def _note_progress(_unit: UnitOfWork, export: FhirExport, *, done: int) -> None:
    export.done = done


def _note_file(_unit: UnitOfWork, export: FhirExport, *, file: _File, sha256: str, size: int) -> None:
    """The file, and the place from which the next one goes on; the next may fail as often as the first."""
    if file.count:
        name = f"{file.resource_type}-{len(export.files) + 1}.ndjson"
        noted = {
            "name": name,
            "type": file.resource_type,
            "count": file.count,
            "size": size,
            "sha256": sha256,
        }
        export.files = [*export.files, noted]
    export.at_type, export.cursor, export.tries = export.at_type + file.is_whole, file.cursor, 1
    leases.release(export)
    export.state = WAITING


def _finish(unit: UnitOfWork, export: FhirExport) -> None:
    # Files go a day after they were written, the first of them first.
    export.state, export.finished_at, export.expires_at = READY, unit.now, export.created_at + orders.KEPT


def _give_up(unit: UnitOfWork, export: FhirExport) -> None:
    export.state, export.finished_at, export.expires_at = FAILED, unit.now, unit.now + orders.KEPT
    unit.audit("fhir.export_failed", "fhir_export", export.id)
