"""F25: a bulk job of one organisation beside the reads of another one, under eventlet, as the services run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.bars import hold_at_best

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_STALL_S, SLOWEST_READ_S = 0.25, 0.3
# Job: rows, its end, whether people can look at its progress.
JOBS = {
    "hr_import": (20_000, "applied", True),
    "directory_import": (20_000, "done", True),
    "merge": (2_000, True, False),
    "report_rebuild": (20_000, "done", False),
    "audit_export": (20_000, "exported", False),
    "fhir_export": (20_000, "exported", True),
    "published_items": (10_000, "published", True),
}


@pytest.mark.full
@pytest.mark.timeout(1900)
@pytest.mark.fault("F25")
@pytest.mark.parametrize("job", JOBS)
def test_bulk_work_never_stops_other_organisations(tmp_path: Path, job: str) -> None:
    rows, end, shows_progress = JOBS[job]
    runs = []

    def one_run() -> None:
        runs.append(measured(job, tmp_path / str(len(runs)), rows))
        assert runs[-1]["stalls"][0][0] <= LONGEST_STALL_S, runs[-1]["stalls"]
        assert runs[-1]["read_p99_s"] <= SLOWEST_READ_S
        assert runs[-1]["write_p99_s"] <= SLOWEST_READ_S

    hold_at_best(one_run)
    for run in runs:
        assert (run["state"], run["done"] >= rows) == (end, True)
        assert run["places"] > 10 or not shows_progress


def measured(job: str, folder: Path, rows: int) -> dict[str, Any]:
    folder.mkdir()
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.bulk_work", job, str(folder), str(rows)]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    print(job, found)
    return found
