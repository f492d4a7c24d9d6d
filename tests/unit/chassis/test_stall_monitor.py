"""What the stall monitor costs, and that a test fails where a service that it ran stood still."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bars import hold_at_best
from tests.support.stalls import StallWatch

CHECKOUT = Path(__file__).resolve().parents[3]
WATCHING = """
import eventlet
eventlet.monkey_patch()
import json, resource, time
from services.chassis.stall_monitor import StallMonitor

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
StallMonitor("toy").start()
started = time.process_time()
eventlet.sleep(3)
used = time.process_time() - started
print(json.dumps({"cpu": used / 3, "mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}))
"""
STALLED = {
    "event": "event_loop_stalled",
    "service": "toy",
    "ms": 400,
    "cpu_ms": 800,
    "user_ms": 700,  # counts on an overloaded machine, too
    "where": "toy.py:1 hold",
}
A_TEST = """
import pytest
from tests.support import stalls

@pytest.fixture(scope="module")
def log(tmp_path_factory):
    log = tmp_path_factory.mktemp("toy") / "toy.log"
    log.write_text("")
    stalls.watch(log)
    return log

def hold(log):
    with log.open("a") as file:
        file.write('{"event": "started"}\\n%s\\n')

def test_that_holds(log):
    hold(log)

def test_that_does_not(log):
    pass

@pytest.mark.stalls("known")
def test_that_says_why(log):
    hold(log)

@pytest.fixture
def held_at_the_end(log):
    yield
    hold(log)

def test_that_ends_badly(held_at_the_end):
    pass

def test_of_a_folder_that_goes(tmp_path):
    with stalls.watched(tmp_path):
        (tmp_path / "toy.log").touch()
        hold(tmp_path / "toy.log")
"""


def test_watching_costs_next_to_nothing() -> None:
    command = [sys.executable, "-W", "ignore", "-c", WATCHING]

    def a_run() -> None:
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=True)
        figures = json.loads(done.stdout)
        print(figures)
        assert figures["cpu"] < 0.02
        assert figures["mb"] < 0.5

    hold_at_best(a_run)


def test_a_test_fails_where_a_service_stood_still(tmp_path: Path) -> None:
    (tmp_path / "test_inner.py").write_text(A_TEST % json.dumps(STALLED))
    (tmp_path / "conftest.py").write_text(
        "from tests.support import stalls\n\n\ndef pytest_configure(config):\n"
        "    config.pluginmanager.register(stalls.plugin())\n"
        "    config.addinivalue_line('markers', 'stalls(reason): known')\n"
    )
    options = ["-p", "no:cacheprovider", "-p", "no:xdist", "-rA", "--rootdir", str(tmp_path), str(tmp_path)]
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pytest", *options],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    outcomes = {
        line.split("::")[1].split(" ")[0]: line.split()[0]
        for line in run.stdout.splitlines()
        if "::test_" in line and line.split()[0] in {"PASSED", "FAILED", "ERROR"}
    }
    assert outcomes == {
        "test_that_holds": "FAILED",
        "test_that_does_not": "PASSED",
        "test_that_says_why": "PASSED",
        "test_that_ends_badly": "ERROR",
        "test_of_a_folder_that_goes": "FAILED",
    }, run.stdout[-3000:]
    assert "toy stood still for 400 ms in toy.py:1 hold, computing 700 ms" in run.stdout


@pytest.mark.parametrize(
    ("load", "user_ms", "counts"), [(1.0, 0, True), (50.0, 499, False), (50.0, 500, True)]
)
def test_on_an_overloaded_machine_only_computing_counts(
    load: float, user_ms: int, counts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    log = tmp_path / "toy.log"
    log.write_text(json.dumps({**STALLED, "user_ms": user_ms}) + "\n")
    watch = StallWatch()
    watch.watch(log)
    assert len(watch.collect()) == counts
    assert not watch.collect()
