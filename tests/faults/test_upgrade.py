"""F22: the code of the last release works on this code's schema, while it is migrated there and back again as well."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from deploy.checks import released
from deploy.layout import CHECKOUT, Databases
from deploy.migrate import SERVICES
from services.chassis.database import Database
from services.identity.organisations import operator
from tests.support.eventually import eventually
from tests.support.last_release import LastRelease, multiply
from tests.support.reads import Reads
from tests.support.stack import RunningStack, running_stack
from tests.support.work import check, work_for

READ = ("/v1/me", "/v1/queues", "/v1/portals/provider", "/v1/message-templates", "/v1/documents?limit=5")
READS_A_SECOND, WRITES_A_SECOND, MOST_WRITES = 15, 5, 100_000
ROWS = int(os.environ.get("FAULT_ROWS", "100000"))
GOES_ON_FOR_S = 5.0
TESTS = tuple(f"tests/integration/{service}" for service in SERVICES)


@pytest.fixture(scope="module")
def last_release(tmp_path_factory: pytest.TempPathFactory) -> LastRelease:
    try:
        return LastRelease(tmp_path_factory.mktemp("last-release"))
    except released.NotInClone as error:
        pytest.skip(str(error))


@pytest.mark.fault("F22")
@pytest.mark.parametrize(
    ("one_in", "within_s"),
    [
        pytest.param(40, 280, marks=pytest.mark.timeout(300)),
        pytest.param(5, 1800, marks=(pytest.mark.full, pytest.mark.timeout(1900))),
    ],
)
def test_the_last_release_works_on_the_new_schema(
    last_release: LastRelease, one_in: int, within_s: float
) -> None:
    told = last_release.try_tests(TESTS, one_in, within_s)
    print(f"F22 one test in {one_in} of {released.commit()[:8]}: {told.splitlines()[-1]}")


@pytest.mark.full
@pytest.mark.fault("F22")
@pytest.mark.timeout(1900)
@pytest.mark.parametrize("databases", ["sqlite", "postgresql"])
def test_it_serves_while_its_databases_are_migrated_there_and_back(
    last_release: LastRelease, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("create_organisation", "set_password"):
        monkeypatch.setattr(operator, name, _by(last_release, name))
    with running_stack(databases, commands=last_release.commands(), start_within_s=180) as running:
        running.import_sample()
        _fill(running)
        work = work_for(running, "referrals", MOST_WRITES)
        work.load.rate = WRITES_A_SECOND
        port, token = running.stack.ports.gateway, str(running.admin.token)
        with Reads(port, token, READ, READS_A_SECOND) as reads, work.load.going():
            took_s = {"up": _run(running, "deploy.migrate")}
            _go_on(reads)
            began_at = time.monotonic()
            for service, revision in released.revisions().items():
                _run(running, "services.chassis.migrate", "downgrade", service, revision)
            took_s["down"] = time.monotonic() - began_at
            _go_on(reads)
        statuses = Counter(each.status for each in reads.answers)
        failed = Counter(error[:60] for outcome in work.load.outcomes for error in outcome.errors)
        slowest_s = max(each.took_s for each in reads.answers)
        check(running, work, f"F22 {databases}, {ROWS} rows", 0.0)
        print(
            f"F22 {databases} up {took_s['up']:.1f} s, down {took_s['down']:.1f} s, reads {dict(statuses)}, slowest "
            f"{slowest_s:.1f} s, failed writes {dict(failed)}"
        )
        assert set(statuses) == {200}
        assert not failed
        for service in SERVICES:
            assert last_release.differences(service, running.stack.database_url(service)) == "[]"


def _by(last_release: LastRelease, what: str) -> Callable[..., None]:
    def operate(database: Database, **given: Any) -> None:
        last_release.operate(what, database, given)

    return operate


def _fill(running: RunningStack) -> None:
    """Many contact records, and many deliveries of one mail."""
    journey = running.journey()
    program = journey.find_program("Community Pantry")
    provider = journey.create_provider("Ngozi", program)
    journey.enter_record()
    journey.await_mail(provider["email"], lambda _mail: True)
    multiply(running.stack.database_url("referrals"), "contact_records", ROWS, by={"number": "CR-9{:07}"})
    multiply(running.stack.database_url("notifications"), "deliveries", ROWS, by={"event_id": "{:032x}"})


def _run(running: RunningStack, *module: str) -> float:
    """Run a program of this code as an operator does; the seconds that it takes."""
    began_at = time.monotonic()
    command = [sys.executable, "-W", "ignore", "-m", *module]
    run = subprocess.run(
        command, cwd=CHECKOUT, env=running.stack.operator_env(), capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return time.monotonic() - began_at


def _go_on(reads: Reads) -> None:
    """Let people work for some seconds."""
    wanted = len(reads.answers) + int(GOES_ON_FOR_S * READS_A_SECOND)

    def assert_read() -> None:
        assert len(reads.answers) >= wanted

    eventually(assert_read, timeout_s=60)
