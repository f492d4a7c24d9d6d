"""F7, F8 and F9: a database is locked by another program, restarts, ends its sessions, or has no disk left."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.postgres import Postgres
from tests.support.attempts import Attempts
from tests.support.eventually import eventually
from tests.support.servers import private_postgres, temporary_folder
from tests.support.stack import RunningStack, running_stack
from tests.support.work import Work, check, rows, work_for

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

RATE = 5
PATH, BODY = "/v1/contact-records", {"first_name": "Rosa", "last_name": "Quimby"}
LONGEST_REFUSAL_S, LONGEST_RETRY_AFTER_S = 3.0, 3
HEALTHY_WITHIN_S, TIMES = 5.0, 10
ROOM = "40m"


def _attempts(stack: RunningStack) -> Attempts:
    return Attempts(stack.url, str(stack.staff.token), PATH, BODY, RATE)


def _kept(stack: RunningStack) -> set[str]:
    return set(rows(stack, "referrals", "SELECT id FROM contact_records"))


def _works(stack: RunningStack) -> set[str]:
    """Asserts that a write is served; the id of what it made."""
    tried = _attempts(stack)
    tried.send()
    assert [each.status for each in tried.made] == [201]
    return tried.acknowledged


def _told(label: str, tried: Attempts, found: set[str], recovered_s: float, more: str) -> None:
    """Print the line of a fault run, and hold it against the bars."""
    acknowledged = tried.acknowledged
    lost, unexpected = len(acknowledged - found), len(found - acknowledged)
    print(
        f"{label}: attempted {len(tried.made)} acknowledged {len(acknowledged)} found {len(found)} lost {lost} duplicated 0 "
        f"recovered {recovered_s:.1f} s unexpected {unexpected}; {dict(Counter(each.status for each in tried.made))}, {more}"
    )
    assert (lost, unexpected) == (0, 0)


@pytest.fixture(scope="module")
def disk() -> Iterator[Path]:
    """A small disk of its own."""
    with temporary_folder("portico-disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
        if subprocess.run(mount, check=False).returncode != 0:
            pytest.skip("this account may not mount a small disk")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def stack(disk: Path) -> Iterator[RunningStack]:
    """A stack on SQLite. The database of referrals, and all files, lie on the small disk."""
    blobs = {"BLOB_DIR": str(disk / "blobs")}
    (disk / "blobs").mkdir()
    on_disk = dict.fromkeys(
        ("gateway", "identity", "referrals", "portals", "notifications", "signing"), blobs
    )
    with running_stack({"referrals": f"sqlite:///{disk}/referrals.db"}, extra_env=on_disk) as running:
        yield running


@contextlib.contextmanager
def _locked(database: Path) -> Iterator[None]:
    """Another program holds the whole file."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@pytest.mark.fault("F7")
@pytest.mark.parametrize("locked_s", [1, 15])
def test_a_locked_database_is_waited_for_and_then_refused(
    stack: RunningStack, disk: Path, locked_s: int
) -> None:
    before = _kept(stack)
    with _attempts(stack) as tried:
        tried.go_on(2 * RATE)
        with _locked(disk / "referrals.db"):
            locked_at = time.monotonic()
            time.sleep(locked_s)
        released_at = time.monotonic()
        tried.go_on(3 * RATE)
    checked = eventually(lambda: _works(stack))

    told = Counter(each.status for each in tried.made)
    refused = [each for each in tried.made if each.status != 201]
    recovered_s = max((each.asked_at + each.took_s for each in refused), default=released_at) - released_at
    longest_s = max((each.took_s for each in refused), default=0.0)
    found = _kept(stack) - before - checked
    _told(f"F7 {locked_s} s", tried, found, recovered_s, f"refused after {longest_s:.1f} s at most")
    if locked_s == 1:
        assert set(told) == {201}
    else:
        # Nobody who asks more than the wait before the end is served, and all are told in time.
        meanwhile = tried.between(locked_at, released_at - LONGEST_REFUSAL_S)
        assert {each.status for each in meanwhile} == {503}
    assert {each.status for each in refused} <= {503}
    assert all(each.took_s <= LONGEST_REFUSAL_S for each in refused)
    assert all(0 < (each.retry_after_s or 0) <= LONGEST_RETRY_AFTER_S for each in refused)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with private_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def on_postgres(postgres: Postgres) -> Iterator[RunningStack]:
    with running_stack(postgres) as running:
        yield running


def _assert_more(work: Work, than: int) -> None:
    assert work.load.acknowledged > than


def _restart(postgres: Postgres) -> None:
    postgres.stop()
    postgres.start()


def _end_sessions(postgres: Postgres) -> None:
    postgres.admin_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'portico%'")


@pytest.mark.fault("F8")
@pytest.mark.parametrize("fault", [_restart, _end_sessions])
def test_a_database_that_loses_its_sessions_loses_no_work(
    on_postgres: RunningStack, postgres: Postgres, fault: Callable[[Postgres], None]
) -> None:
    work, healthy_s = work_for(on_postgres, "referrals", 100_000), []
    work.load.rate = RATE
    with work.load.going():
        for _ in range(TIMES):
            fault(postgres)
            over_at = time.monotonic()
            sent = work.load.acknowledged
            eventually(lambda sent=sent: _assert_more(work, sent), timeout_s=30)  # type: ignore[misc]
            healthy_s.append(time.monotonic() - over_at)
    idle = postgres.admin_sql(
        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND state_change < now() - interval '5 s'"
    )

    check(on_postgres, work, f"F8 {fault.__name__[1:]}, {TIMES} times", max(healthy_s))
    assert max(healthy_s) <= HEALTHY_WITHIN_S
    assert idle == [(0,)]


@contextlib.contextmanager
def _filled(disk: Path) -> Iterator[None]:
    """Not a byte is free."""
    filling = disk / "filling"
    with filling.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 512)
    try:
        yield
    finally:
        filling.unlink()


@pytest.mark.fault("F9")
def test_a_full_disk_acknowledges_nothing_that_it_does_not_keep(stack: RunningStack, disk: Path) -> None:
    before = _kept(stack)
    with _attempts(stack) as tried:
        tried.go_on(2 * RATE)
        with _filled(disk):
            filled_at = time.monotonic()
            time.sleep(15)
            emptied_at = time.monotonic()
        tried.go_on(3 * RATE)
    checked = eventually(lambda: _works(stack), timeout_s=30)

    meanwhile = Counter(each.status for each in tried.between(filled_at + 1, emptied_at - 1))
    whole = rows(stack, "referrals", "PRAGMA integrity_check")
    found = _kept(stack) - before - checked
    _told("F9", tried, found, 0.0, f"while full {dict(meanwhile)}, integrity {whole[0]}")
    assert {each.status for each in tried.made} <= {201, 503, 507}
    assert meanwhile[503] + meanwhile[507] > 0
    assert whole == ["ok"]
