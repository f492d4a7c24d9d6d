"""A database is taken back to a revision that there is, and to no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from services.chassis import migrate
from tests.support.databases import migrated


def test_a_database_goes_back_and_forth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path}/signing.db"
    migrated("signing", url)
    monkeypatch.setenv("SIGNING_DATABASE_URL", url)

    def tables() -> list[str]:
        engine = create_engine(url)
        found = inspect(engine).get_table_names()
        engine.dispose()
        return found

    assert migrate.main(["downgrade", "signing", "0007"]) == 0
    assert "published_events" not in tables()
    assert migrate.main(["upgrade", "signing"]) == 0
    assert "published_events" in tables()


@pytest.mark.parametrize(
    ("service", "revision", "told"),
    [("signing", "base", "0001, 0002"), ("signing", "", "0001, 0002"), ("../etc", "0001", "no such service")],
)
def test_an_unknown_revision_or_service_changes_nothing(
    service: str, revision: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrate.main(["downgrade", service, revision]) == 2
    assert told in capsys.readouterr().err


def test_a_database_that_is_away_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIGNING_DATABASE_URL", "postgresql+psycopg2://someone:hidden@127.0.0.1:1/signing")
    assert migrate.main(["downgrade", "signing", "0007"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("SIGNING_DATABASE_URL: the database is away")
    assert "hidden" not in told
