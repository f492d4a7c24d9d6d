"""For each test a small database, and what comes in from a broker that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from services.chassis import inbound as inbound_module
from services.chassis.database import Database
from services.chassis.inbound import Inbound
from tests.support import toy
from tests.support.inbound import Publisher


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


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def inbound(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> Inbound:
    monkeypatch.setattr(inbound_module.time, "sleep", lambda _seconds: None)
    inbound = Inbound()
    inbound.runtime = SimpleNamespace(service="toy", publisher=publisher)
    return inbound
