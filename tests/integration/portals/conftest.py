"""The desk where people and staff write to each other, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine

from tests.support.in_process import InProcess
from tests.support.portal_desk import START, PortalDesk


@pytest.fixture(params=["sqlite", "postgresql"])
def portal_desk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[PortalDesk]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/x.db" if is_sqlite else request.getfixturevalue("new_postgres_url")
    process = InProcess("portals", url, tmp_path)
    with time_machine.travel(START, tick=False) as clock:
        yield PortalDesk(process, clock)
    process.close()
