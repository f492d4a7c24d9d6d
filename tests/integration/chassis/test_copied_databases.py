"""The databases that tests copy have the schema that the migrations make."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from services.chassis import migrate
from tests.support.databases import migrated, opened


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_copy_is_what_the_migrations_make(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/x.db" if kind == "sqlite" else request.getfixturevalue("new_postgres_url")
    migrated("signing", url)
    assert migrate.differences("signing", url) == []


def test_a_database_that_stands_at_an_older_migration_is_brought_up_to_date(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    migrate.upgrade("signing", url, "0001")
    migrated("signing", url)
    assert migrate.differences("signing", url) == []


def test_statements_are_compiled_once_for_all_tests(tmp_path: Path) -> None:
    statement, compiled = text("SELECT 1 AS one_of_this_test"), []
    for name in ("x", "y"):
        database = opened(f"sqlite:///{tmp_path}/{name}.db")
        with database.engine.connect() as connection:
            compiled.append(connection.execute(statement).context.compiled)
        database.close()
    assert compiled[0] is compiled[1]
