"""A migration that fills rows ends in several transactions. One that was interrupted begins anew with the next start."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from services.chassis import migrate

CHECKOUT = Path(__file__).parents[3]
FILLING = sorted(
    (path.parts[-3], path.name[:4])
    for path in (CHECKOUT / "services").glob("*/migrations/[0-9]*.py")
    if "autocommit_block" in path.read_text()
)


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'service.db'}"
    return str(request.getfixturevalue("postgres_database"))


def test_there_are_such_migrations() -> None:
    assert len(FILLING) >= 3


@pytest.mark.fault("A27")
@pytest.mark.parametrize("step", ["fill", "replace_index"])
@pytest.mark.parametrize(("service", "revision"), FILLING)
def test_an_interrupted_migration_is_repeated(
    url: str, service: str, revision: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.upgrade(service, url, f"{int(revision) - 1:04}")

    def killed(*_given: object) -> None:
        raise Killed

    with (
        monkeypatch.context() as patch,
        contextlib.suppress(Killed),
    ):  # one of them has not this step, and ends
        patch.setattr(migrate, step, killed)
        migrate.upgrade(service, url, revision)

    migrate.upgrade(service, url)
    migrate.upgrade(service, url)

    assert migrate.differences(service, url) == []
