"""The referrals service in this process, over a small directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.referrals.builders import Desk
from tests.support.in_process import InProcess


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """The service on SQLite, with a directory of two agencies."""
    service = InProcess("referrals", f"sqlite:///{tmp_path / 'referrals.db'}", tmp_path)
    yield Desk(service)
    service.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def desk_on_both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """The same on SQLite and on PostgreSQL, for what depends on how the database locks."""
    url = (
        f"sqlite:///{tmp_path / 'referrals.db'}"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_database")
    )
    service = InProcess("referrals", url, tmp_path)
    yield Desk(service)
    service.close()
