"""F9, F26: the log or the data cannot be written. Answers keep their meaning, nothing acknowledged is lost, /readyz says why."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from deploy.journey import a_pdf
from services.contracts.catalogue import SERVICES
from tests.support.eventually import eventually
from tests.support.small_disks import SmallDisk, small_disk
from tests.support.stack import RunningStack, running_stack

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]
WRITES, BEFORE = 300, 100
LOG_LIMIT = 256 * 1024 * 1024
ROOM_AGAIN_WITHIN_S = 60


@dataclass
class Disks:
    """A system whose data and logs lie on small disks of their own."""

    portico: RunningStack
    data: SmallDisk
    log: SmallDisk


@pytest.fixture(scope="module")
def disks() -> Iterator[Disks]:
    with small_disk(64) as data, small_disk(24) as log:
        for name in ("data", "blobs"):
            (data.folder / name).mkdir()
        (log.folder / "log").mkdir()
        elsewhere = {
            "data": data.folder / "data",
            "blobs": data.folder / "blobs",
            "log": log.folder / "log",
        }
        with running_stack(elsewhere=elsewhere) as portico:
            portico.import_sample()
            yield Disks(portico, data, log)


def send(
    portico: RunningStack, method: str, path: str, key: str | None = None, **more: Any
) -> requests.Response:
    """One request of the staff."""
    headers = {"Authorization": f"Bearer {portico.staff.token}", **({"Idempotency-Key": key} if key else {})}
    return requests.request(method, portico.url + path, headers=headers, timeout=30, **more)


def answers(portico: RunningStack) -> dict[str, int]:
    """The statuses of requests of each kind."""
    record = {"first_name": "Load", "last_name": "Test"}
    return {
        "a write": send(portico, "POST", "/v1/contact-records", json=record).status_code,
        "a wrong write": send(portico, "POST", "/v1/contact-records", json={"x": 1}).status_code,
        "a read": send(portico, "GET", "/v1/queues").status_code,
        "nothing": send(portico, "GET", f"/v1/queues/{uuid.uuid4().hex}").status_code,
        "forbidden": send(portico, "PUT", "/v1/organisation/features", json={"features": []}).status_code,
        "nobody": requests.get(f"{portico.url}/v1/queues", timeout=30).status_code,
        "a page": requests.get(f"{portico.url}/sign-in", timeout=30).status_code,
    }


def readiness(portico: RunningStack) -> tuple[int, dict[str, bool]]:
    """What /readyz says."""
    answer = requests.get(f"{portico.url}/readyz", timeout=30)
    return answer.status_code, answer.json()["checks"]


def all_is_well(portico: RunningStack) -> None:
    """It is ready again."""
    status, checks = readiness(portico)
    assert (status, set(checks.values())) == (200, {True}), checks


def processes(portico: RunningStack) -> dict[str, int | None]:
    """The processes: none of them may end."""
    return {name: portico.stack.supervisor.pid(name) for name in portico.process_names}


@contextlib.contextmanager
def log_at_its_limit(portico: RunningStack) -> Iterator[None]:
    """No process may write beyond the size that its log has, which is larger than every database."""
    for path in (portico.stack.folder / "log").iterdir():
        os.truncate(path, LOG_LIMIT)
    started = [psutil.Process(pid) for pid in processes(portico).values() if pid]
    own = [*started, *(child for each in started for child in each.children(recursive=True))]
    for each in own:
        each.rlimit(psutil.RLIMIT_FSIZE, (LOG_LIMIT, psutil.RLIM_INFINITY))
    try:
        yield
    finally:
        for each in own:
            each.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))


@pytest.mark.fault("F26")
@pytest.mark.parametrize("how", ["disk full", "limit of the file"])
def test_a_log_that_cannot_be_written_changes_no_answer(disks: Disks, how: str) -> None:
    portico = disks.portico
    eventually(lambda: all_is_well(portico), timeout_s=ROOM_AGAIN_WITHIN_S)
    before, running = answers(portico), processes(portico)
    with disks.log.full() if how == "disk full" else log_at_its_limit(portico):
        during = [answers(portico) for _ in range(5)]

        def the_log_is_named() -> dict[str, bool]:
            status, checks = readiness(portico)
            assert (status, checks["log"]) == (503, False)
            return checks

        checks = eventually(the_log_is_named, timeout_s=10)
    eventually(lambda: all_is_well(portico), timeout_s=ROOM_AGAIN_WITHIN_S)
    different = sum(each != before for each in during)
    ended = sum(pid != running[name] for name, pid in processes(portico).items())
    print(
        f"F26 log, {how}: attempted {len(before) * len(during)} other answers {different} processes ended {ended} "
        f"/readyz named {[name for name, holds in checks.items() if not holds]}"
    )
    assert (different, ended) == (0, 0), (before, during)
    assert "log_lines_lost" in portico.logs()


@pytest.mark.fault("F9", "F26")
def test_a_full_disk_is_told_and_nothing_acknowledged_is_lost(disks: Disks) -> None:
    portico = disks.portico
    eventually(lambda: all_is_well(portico), timeout_s=ROOM_AGAIN_WITHIN_S)
    running = processes(portico)
    statuses: Counter[int] = Counter()
    kept: dict[str, str] = {}

    def write(number: int) -> None:
        key = f"full-{number}"
        body = {"first_name": "Load", "last_name": f"Full {number}", "sections": {"Told": {"It": "x" * 4000}}}
        answer = send(portico, "POST", "/v1/contact-records", key, json=body)
        statuses[answer.status_code] += 1
        if answer.status_code == 201:
            kept[key] = answer.json()["id"]

    for number in range(BEFORE):
        write(number)
    with disks.data.full():
        for number in range(BEFORE, WRITES):
            write(number)
        reads = [
            send(portico, "GET", path).status_code for path in ("/v1/queues", "/v1/me") for _ in range(5)
        ]
        form = {"title": "Plan", "recipient_account_id": portico.staff.get("/v1/me")["id"]}
        file = {"file": ("plan.pdf", a_pdf("CR-00000001"), "application/pdf")}
        upload = send(portico, "POST", "/v1/documents", data=form, files=file).status_code

        def the_disk_is_named() -> dict[str, bool]:
            status, checks = readiness(portico)
            assert (status, checks["disk"]) == (503, False)
            return checks

        eventually(the_disk_is_named, timeout_s=10)
    began = time.monotonic()
    eventually(lambda: all_is_well(portico), timeout_s=ROOM_AGAIN_WITHIN_S)
    recovered_s = time.monotonic() - began
    early = dict(kept)
    during = dict(statuses)
    for number in range(WRITES):
        write(
            number
        )  # with the same key: what was acknowledged gets the same answer, the rest is carried out now
    lost = sum(kept.get(key) != found for key, found in early.items())
    rows = ids_in(portico.stack.folder / "data" / "referrals.db")
    lost += sum(found not in rows for found in early.values())
    ended = sum(pid != running[name] for name, pid in processes(portico).items())
    whole = {service: integrity(portico.stack.folder / "data" / f"{service}.db") for service in SERVICES}
    for row in ("F9", "F26 data"):
        print(
            f"{row}: attempted {WRITES} acknowledged {len(early)} found {len(early) - lost} lost {lost} duplicated "
            f"{len(kept) - len(set(kept.values()))} recovered {recovered_s:.1f} s answered {during}, reads {set(reads)}, an upload "
            f"{upload}, processes ended {ended} unexpected {sum(map(int, [each not in (201, 503, 507) for each in during]))}"
        )
    assert set(during) <= {201, 503, 507}
    assert {503, 507} & set(during), "the disk was never full"
    assert len(early) >= BEFORE
    assert set(reads) == {200}
    assert upload in (503, 507)
    assert (lost, ended, len(set(kept.values()))) == (0, 0, WRITES)
    assert set(whole.values()) == {"ok"}


def ids_in(file: Path) -> set[str]:
    """The ids of all contact records."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        return {row[0] for row in database.execute("SELECT id FROM contact_records")}


def integrity(file: Path) -> str:
    """What SQLite says of its file."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        return str(database.execute("PRAGMA integrity_check").fetchone()[0])
