"""The delay of other calls during an import, measured under eventlet, as the service runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bars import hold_at_best

CHECKOUT = Path(__file__).resolve().parents[3]
REAL_EXPORT = Path(os.environ.get("PORTICO_REAL_EXPORT", CHECKOUT / "../shared/data/icarol_resources_dc.csv"))
LONGEST_STALL_S = 0.25

PROGRAM = """
import eventlet
eventlet.monkey_patch()
import json, sys, time
from pathlib import Path
from services.contracts.referrals import directory_imports
from services.chassis.database import Database
from tests.integration.referrals.builders import STAFF
from tests.support.in_process import InProcess

folder, export = Path(sys.argv[1]), Path(sys.argv[2])
service = InProcess("referrals", f"sqlite:///{folder / 'x.db'}", folder)
service.database = service.runtime.database = Database(str(service.database.engine.url))  # waits for the disk
document = service.upload(export.read_bytes())
longest, running = 0.0, True

def tick():
    global longest
    while running:
        started = time.monotonic()
        eventlet.sleep(0.005)
        longest = max(longest, time.monotonic() - started - 0.005)

ticker = eventlet.spawn(tick)
started = time.monotonic()
report = service.call(directory_imports.import_directory, STAFF, document=document)
took = time.monotonic() - started
running = False
ticker.wait()
print(json.dumps({"added": report["added"], "took_s": took, "longest_stall_s": longest}))
"""


@pytest.mark.skipif(not REAL_EXPORT.is_file(), reason="the real export is not at hand (PORTICO_REAL_EXPORT)")
def test_an_import_never_stops_other_calls_for_long(tmp_path: Path) -> None:
    runs = []

    def an_import() -> None:
        runs.append(measure(tmp_path / str(len(runs))))
        assert runs[-1]["took_s"] < 10
        assert runs[-1]["longest_stall_s"] < LONGEST_STALL_S

    hold_at_best(an_import)
    assert {run["added"] for run in runs} == {2132}


def measure(folder: Path) -> dict[str, float]:
    folder.mkdir()
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(folder), str(REAL_EXPORT)]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    measured: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return measured
