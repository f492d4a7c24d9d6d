"""`python -m tests.support.bulk_work JOB FOLDER ROWS`: a bulk job of one organisation, under eventlet as the service runs.

Meanwhile another organisation reads, and the stall monitor watches the event loop. Prints what was measured as JSON.
"""

from __future__ import annotations

from services.chassis import run  # patches the standard library before anything else is imported

# isort: split
import csv
import io
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import eventlet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.demo import SAMPLE
from services.chassis import wire
from services.chassis.audit_sealing import Sealer
from services.chassis.database import Database
from services.chassis.passports import Issuer
from services.chassis.stall_monitor import StallMonitor
from services.chassis.unit_of_work import utc_now
from services.contracts.identity import audit as identity_audit
from services.contracts.identity import hr_feed, merging, people, relationships
from services.contracts.portals import published_items as items_contract
from services.contracts.referrals import directory, directory_imports, fhir_exports
from services.identity.hr_feed import imports as hr_imports
from services.identity.models import Relationship
from services.referrals.directory_imports import jobs as directory_jobs
from services.referrals.fhir_exports import jobs as fhir_jobs
from tests.integration.identity.conftest import Identity
from tests.integration.identity.employees import a_line, upload
from tests.integration.identity.test_audit_chain import note
from tests.integration.referrals.builders import OTHER_STAFF, Desk
from tests.integration.referrals.histories import Place, some_pasts, write_pasts
from tests.support.in_process import BAYSIDE, HARBOR, InProcess, a_caller

Measured = dict[str, Any]


class Stalls(StallMonitor):
    """Keeps what the monitor reports."""

    def __init__(self) -> None:
        super().__init__("bulk_work")
        self.found: list[tuple[float, str]] = [(0.0, "")]

    def _report(self, held: float, computed: float, user: float, where: str | None) -> None:
        self.found.append((round(held, 3), where or "outside"))


class Beside:
    """What goes on during a job: reads of another organisation, the loops of the service, looks at the job's progress."""

    def __init__(
        self,
        read: Callable[[], Any],
        look: Callable[[], Any],
        seal: Callable[[], Any],
        write: Callable[[], Any] | None = None,
    ) -> None:
        self._read, self._look, self._seal, self._write = read, look, seal, write
        self._reads: list[float] = []
        self._writes: list[float] = []
        self._progress: set[Any] = set()
        self._is_running = True

    def during(self, job: Callable[[], Any]) -> Measured:
        """Do the job; what was measured meanwhile."""
        self._read()  # compiles its statements
        run.collect_garbage_seldom()
        stalls = Stalls()
        stalls.start()
        kept_up = (self._keep_reading, self._keep_sealing, self._keep_writing)
        others = [eventlet.spawn(each) for each in kept_up]
        started = time.monotonic()
        job()
        took = time.monotonic() - started
        self._is_running = False
        for each in others:
            each.wait()
        eventlet.sleep(0.2)  # the monitor's next beat
        reads = sorted(self._reads)
        return {
            "took_s": round(took, 1),
            "stalls": sorted(stalls.found, reverse=True)[:5],
            "reads": len(reads),
            "read_p99_s": _p99(reads),
            "write_p99_s": _p99(sorted(self._writes)),
            "places": len(self._progress),
        }

    def _keep_reading(self) -> None:
        while self._is_running:
            started = time.monotonic()
            self._read()
            self._reads.append(time.monotonic() - started)
            self._progress.add(self._look())
            eventlet.sleep(0.02)

    def _keep_writing(self) -> None:
        while self._is_running and self._write:
            started = time.monotonic()
            self._write()
            self._writes.append(time.monotonic() - started)
            eventlet.sleep(0.02)

    def _keep_sealing(self) -> None:
        while self._is_running:
            self._seal()
            eventlet.sleep(1)


def _p99(sorted_s: list[float]) -> float:
    return round(sorted_s[len(sorted_s) * 99 // 100], 3) if sorted_s else 0.0


def _waits_for_the_disk(service: InProcess) -> InProcess:
    """The service on a database as in use. That of other tests does not wait for the disk."""
    service.database = service.runtime.database = Database(str(service.database.engine.url))
    return service


def _identity(folder: Path) -> tuple[Identity, Any, Beside]:
    """Identity with two organisations, the administrator of the one, and what the other does."""
    identity = Identity(f"sqlite:///{folder / 'identity.db'}", folder)
    _waits_for_the_disk(identity)
    identity.an_organisation("bayside")
    other = identity.admin("bayside")
    sealer = Sealer("identity", identity.database, identity.runtime.tables, identity.runtime.issuer)
    beside = Beside(lambda: identity.call(people.list_people, other), lambda: None, sealer.seal)
    return identity, identity.admin(), beside


def hr_import(folder: Path, rows: int) -> Measured:
    """An import of the HR feed that changes every employee."""
    identity, admin, beside = _identity(folder)
    files = [
        [a_line(str(number), manager=str(number // 20), department=name) for number in range(1, rows + 1)]
        for name in ("Docks", "Harbour")
    ]
    import_ids: list[str] = []

    def look() -> Any:
        return import_ids and identity.call(hr_feed.get_hr_import, admin, import_id=import_ids[-1])["done"]

    def job() -> None:
        for lines in files:
            answer = upload(identity, admin, *lines)
            identity.call(hr_feed.apply_hr_import, admin, import_id=answer["id"], confirm=True)
            import_ids.append(answer["id"])
            hr_imports.work(identity.runtime)

    beside._look = lambda: str(look())
    measured = beside.during(job)
    report = identity.call(hr_feed.get_hr_import, admin, import_id=import_ids[-1])
    return measured | {"state": report["state"], "done": report["counts"]["changed"]}


def merge(folder: Path, rows: int) -> Measured:
    """A merge of a record to which so many rows refer, and undoing it."""
    identity, admin, beside = _identity(folder)
    kept, merged = (
        identity.call(people.create_person, admin, number=number, last_name="Quay", kinds=["patient"])["id"]
        for number in ("1", "2")
    )
    account, now = identity.an_account(password=None), utc_now()
    identity.database.write(
        admin.organisation_id,
        lambda session: session.add_all(
            Relationship(
                id=wire.new_id(),
                account_id=account["id"],
                person_id=merged,
                kind="contact",
                source="staff",
                starts_at=now,
                ends_at=now,
                created_at=now,
            )
            for _ in range(rows)
        ),
    )
    plan = identity.call(merging.preview_merge, admin, kept_id=kept, merged_id=merged)["plan"]
    answers: list[Any] = []

    def job() -> None:
        done = identity.call(merging.merge_people, admin, kept_id=kept, merged_id=merged, plan=plan)
        answers.append(identity.call(relationships.list_relationships, admin, person_id=kept))
        answers.append(identity.call(merging.undo_merge, admin, merge_id=done["id"]))

    measured = beside.during(job)
    with identity.database.reading(admin.organisation_id) as session:
        back = session.query(Relationship).filter(Relationship.person_id == merged).count()
    return measured | {"state": answers[-1]["undone_at"] is not None, "done": back}


def audit_export(folder: Path, rows: int) -> Measured:
    """An export of so many audit rows, page by page."""
    identity, admin, beside = _identity(folder)
    organisation = (admin.organisation_id, admin.organisation_key)
    for begin in range(0, rows, 500):
        identity.database.write(
            organisation[0],
            lambda session, begin=begin: [
                note(identity, session, organisation, n) for n in range(begin, begin + 500)
            ],
        )
    beside._seal()
    found: list[int] = []

    def job() -> None:
        after = None
        while after is not None or not found:
            page = identity.call(identity_audit.trail.export, admin, format="fhir", limit=400, after=after)
            found.append(page["rows"])
            after = page["next"]

    return beside.during(job) | {"state": "exported", "done": sum(found)}


def _referrals(folder: Path) -> tuple[Desk, Beside]:
    """Referrals with a small directory, and what another organisation does."""
    desk = Desk(InProcess("referrals", f"sqlite:///{folder / 'referrals.db'}", folder))
    _waits_for_the_disk(desk.service)
    desk.import_file(SAMPLE.read_bytes(), OTHER_STAFF)
    read = lambda: desk(directory.search_resources, OTHER_STAFF, q="shelter")  # noqa: E731
    return desk, Beside(read, lambda: None, lambda: None)


def directory_import(folder: Path, rows: int) -> Measured:
    """An import of so many resources, each as wide as those of the sample."""
    desk, beside = _referrals(folder)
    content = _wide_export(rows)
    sha256, size = desk.service.runtime.blobs.put(HARBOR[0], [content], 200_000_000)
    imports: list[str] = []

    def look() -> Any:
        return imports and desk(directory_imports.get_directory_import, import_id=imports[-1])["done"]

    def job() -> None:
        answer = desk(directory_imports.import_directory, document={"sha256": sha256, "size": size})
        imports.append(answer["import_id"])
        directory_jobs.work(desk.service.runtime)

    beside._look = lambda: str(look())
    measured = beside.during(job)
    report = desk(directory_imports.get_directory_import, import_id=imports[-1])
    return measured | {"state": report["state"], "done": report["added"]}


def _wide_export(rows: int) -> bytes:
    """The sample's resources again and again, each agency under another number and name."""
    sample = list(csv.DictReader(io.StringIO(SAMPLE.read_text(encoding="utf-8-sig"), newline="")))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(sample[0]))
    writer.writeheader()
    for number in range(rows):
        round_, place = divmod(number, len(sample))
        row = dict(sample[place])
        row["ResourceAgencyNum"] += f"{round_:04}"
        for name in ("PublicName", "ParentAgency"):
            row[name] = row[name] and f"{row[name]} {round_}"
        if row.get("ParentAgencyNum", "0") not in ("", "0"):
            row["ParentAgencyNum"] += f"{round_:04}"
        writer.writerow(row)
    return text.getvalue().encode()


def report_rebuild(folder: Path, rows: int) -> Measured:
    """A rebuild of the reports about so many referrals. It runs in its own process."""
    desk, beside = _referrals(folder)
    _write_pasts(desk, rows)
    command = [sys.executable, "-W", "ignore", "-m", "services.referrals.reports.rebuild"]
    env = os.environ | {"REFERRALS_DATABASE_URL": str(desk.service.database.engine.url)}
    said: list[str] = []

    def job() -> None:
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
            while process.poll() is None:
                eventlet.sleep(0.05)
            said.extend(process.stdout)

    measured = beside.during(job)
    return measured | {"state": said[-1].split()[0], "done": _places(desk)}


def _write_pasts(desk: Desk, count: int) -> None:
    """So many referrals of the last year, with their histories."""
    queue_id = desk.a_queue("Night Shelter")
    place = Place(queue_id, desk.resource["Night Shelter"], desk.resource["Harbor Shelter Alliance"])
    past = utc_now().replace(year=utc_now().year - 1)
    pasts = some_pasts(random.Random(3), [place], count, past, 300)
    for begin in range(0, count, 1000):
        part = pasts[begin : begin + 1000]
        records = desk.many_records(len(part))
        desk.service.database.write(
            HARBOR[0], lambda session, part=part, records=records: write_pasts(session, part, records)
        )


def fhir_export(folder: Path, rows: int) -> Measured:
    """A bulk export of so many referrals with their histories."""
    desk, beside = _referrals(folder)
    _write_pasts(desk, rows)
    whose = {"fhir_export_id": "", "base_url": "https://example.org/fhir/R4"}

    def look() -> Any:
        return desk(fhir_exports.get_fhir_export, **whose) if whose["fhir_export_id"] else {}

    def job() -> None:
        ordered = {"is_asynchronous": True, "base_url": whose["base_url"]}
        whose["fhir_export_id"] = desk(fhir_exports.export_fhir, **ordered)["fhir_export_id"]
        fhir_jobs.work(desk.service.runtime)

    beside._look = lambda: look().get("progress")
    measured = beside.during(job)
    output = look()["resource"]["output"]
    tasks = [each["count"] for each in output if each["type"] == "Task"]
    return measured | {"state": "exported", "done": sum(tasks), "all": sum(each["count"] for each in output)}


def _places(desk: Desk) -> int:
    with desk.service.database.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM report_places").scalar_one())


def published_items(folder: Path, rows: int) -> Measured:
    """So many items of one person that upstream systems publish, four batches at a time, while another organisation publishes."""
    portals = _waits_for_the_disk(InProcess("portals", f"sqlite:///{folder / 'portals.db'}", folder))
    portals.runtime.issuer = Issuer("portals", Ed25519PrivateKey.generate())
    portals.answers["identity.describe_people"] = lambda asked: {
        "items": [{"person_id": each} for each in asked["person_ids"]]
    }
    portals.answers["identity.describe_person"] = lambda _: {}
    person, publishes = "1" * 32, "published_item.publish"
    one = {"person_id": person, "kind": "work_status", "values": {"status": "full_duty"}}
    here, there = a_caller(publishes), a_caller(publishes, organisation=BAYSIDE)
    batches = [range(begin, begin + 100) for begin in range(0, rows, 100)]
    done: list[int] = []

    def batch(numbers: range) -> None:
        items = [{**one, "source_reference": str(number)} for number in numbers]
        answer = portals.call(items_contract.publish_items, here, source="ehr", items=items)
        done.append(answer["published"])

    def job() -> None:
        for _ in eventlet.GreenPool(4).imap(batch, batches):
            pass

    def write() -> None:
        named = {"source": "own", "source_reference": wire.new_id()}
        portals.call(items_contract.publish_item, there, **one, **named)

    sealer = Sealer("portals", portals.database, portals.runtime.tables, portals.runtime.issuer)
    read = lambda: portals.call(items_contract.list_items, there, person_id=person)  # noqa: E731
    measured = Beside(read, lambda: len(done), sealer.seal, write).during(job)
    return measured | {"state": "published", "done": sum(done)}


if __name__ == "__main__":
    JOBS = {
        each.__name__: each
        for each in (
            hr_import,
            directory_import,
            merge,
            report_rebuild,
            audit_export,
            fhir_export,
            published_items,
        )
    }
    print(json.dumps(JOBS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))))
