"""The referrals service in this process, over a small directory."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.referrals.builders import Desk
from tests.support.in_process import InProcess


@pytest.fixture(scope="session")
def furnished_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A closed desk. Copying its database is quicker than migrating and importing each time."""
    folder = tmp_path_factory.mktemp("furnished")
    service = InProcess("referrals", f"sqlite:///{folder / 'referrals.db'}", folder)
    desk = Desk(service)
    service.close()  # the last connection writes everything into the one file
    return desk


@pytest.fixture
def desk(furnished_desk: Desk, tmp_path: Path) -> Iterator[Desk]:
    """The service on SQLite, with a directory of two agencies."""
    service = _copy_of(furnished_desk, tmp_path)
    yield Desk(service, furnished_desk)
    service.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def desk_on_both(request: pytest.FixtureRequest, furnished_desk: Desk, tmp_path: Path) -> Iterator[Desk]:
    """The same on SQLite and on PostgreSQL, for tests that depend on locking."""
    if request.param == "sqlite":
        service = _copy_of(furnished_desk, tmp_path)
        yield Desk(service, furnished_desk)
    else:
        service = InProcess("referrals", request.getfixturevalue("new_postgres_url"), tmp_path)
        yield Desk(service)
    service.close()


def _copy_of(desk: Desk, folder: Path) -> InProcess:
    database = folder / "referrals.db"
    shutil.copy(str(desk.service.database.engine.url.database), database)
    return InProcess("referrals", f"sqlite:///{database}", folder)
