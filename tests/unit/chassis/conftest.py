"""A small database for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.chassis.database import Database
from tests.support import toy


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/toy.db"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """The toy service's database."""
    database = Database(url)
    toy.Base.metadata.create_all(database.engine)
    yield database
    database.close()
