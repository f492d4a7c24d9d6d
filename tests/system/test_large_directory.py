"""The running system exports a large directory while the service continues to answer."""

from __future__ import annotations

import json
import time

from tests.integration.referrals.builders import an_export
from tests.support.eventually import eventually
from tests.support.stack import RunningStack

MANY = 5_100  # more than are written within a call


def test_a_large_directory_is_written_beside_the_service_and_downloaded(portico: RunningStack):
    staff = portico.stranger
    agency = ("900000", "Bayside Ledger", "Agency", "0", "Active", "")
    rows = [(str(900001 + at), f"Ledger {at:05}", "Program", "900000", "Active", "") for at in range(MANY)]
    started = staff.upload("/v1/directory/imports", an_export([agency, *rows]), "many.csv", "text/csv")

    def imported() -> None:
        report = staff.get(f"/v1/directory/imports/{started['import_id']}")
        assert report["state"] == "done", report

    eventually(imported, timeout_s=60)
    export = staff.post("/v1/directory/exports")
    assert export["state"] in ("waiting", "writing")
    slowest_s = 0.0

    def ready() -> None:
        nonlocal slowest_s
        began = time.monotonic()
        now = staff.get(f"/v1/directory/exports/{export['export_id']}")
        slowest_s = max(slowest_s, time.monotonic() - began)
        assert now["state"] == "ready", now

    eventually(ready, timeout_s=60)
    assert slowest_s < 2  # it is another process that computes
    content = staff.download(f"/v1/directory/exports/{export['export_id']}/file")
    services = json.loads(content)["services"]
    assert len([each for each in services if each["name"].startswith("Ledger ")]) == MANY
