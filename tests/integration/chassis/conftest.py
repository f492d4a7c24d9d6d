"""The toy service's database on PostgreSQL, for tests of what SQLite does not have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.chassis.database import Database
from tests.support import toy


@pytest.fixture
def database(postgres_database: str) -> Iterator[Database]:
    """The toy service's database on PostgreSQL."""
    database = Database(postgres_database)
    toy.Base.metadata.create_all(database.engine)
    yield database
    database.close()
