"""A running service seals its audit trail, and continues where a killed process stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis import audit
from services.chassis.database import Database
from services.chassis.passports import read_public_keys
from tests.support import toy
from tests.support.eventually import eventually
from tests.support.toy_process import ServiceSystem, call, toy_system


def _chain(system: ServiceSystem) -> tuple[int, int, str | None]:
    """Sealed rows, rows that wait, and the first fault of Harbor's chain."""
    keys = read_public_keys(str(system.folder / "keys" / "public.json"))
    database = Database(system.database_url)
    try:
        (report,) = audit.verify(database, toy.Base.chassis, "toy", [keys])
    finally:
        database.close()
    return report.rows, report.unsealed, report.fault


def _assert_chain(system: ServiceSystem, rows: int) -> None:
    assert _chain(system) == (rows, 0, None)


@pytest.mark.fault("A16")
def test_a_service_seals_its_rows_and_the_next_process_goes_on(vhost: str, tmp_path: Path) -> None:
    with toy_system(vhost, tmp_path) as system:
        client = system.client()
        for number in range(20):
            call(client, toy.add_thing, system.passport("toy.add"), label=f"thing {number}")
        eventually(lambda: _assert_chain(system, 20))
        call(client, toy.add_thing, system.passport("toy.add"), label="the last one")
        client.close()
        system.stop()  # killed, most likely before the row was sealed

        system.start()
        eventually(lambda: _assert_chain(system, 21))
