"""When sessions were last used is written together, and not lost when a write fails."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.identity.sessions import seen as module
from services.identity.sessions.seen import NOTE_EVERY, SeenSessions

NOW = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)


class FakeDatabase:
    """Writes at once, and fails as often as it is told to. `meanwhile()` runs while it writes."""

    def __init__(self) -> None:
        self.failures = 0
        self.meanwhile = lambda: None

    def write(self, organisation_id: str | None, work: Any) -> None:
        assert organisation_id is None
        self.meanwhile()
        if self.failures:
            self.failures -= 1
            raise ConnectionError
        work(None)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, datetime.datetime]]:
    """What was written, in order."""
    noted: list[dict[str, datetime.datetime]] = []
    monkeypatch.setattr(module, "_write", lambda _session, seen: noted.append(dict(seen)))
    return noted


def test_a_use_is_noted_half_a_minute_after_the_last_one(written: list[Any]):
    collected = SeenSessions(FakeDatabase())  # type: ignore[arg-type]
    collected.note("soon", NOW - NOTE_EVERY + SECOND, NOW)
    collected.note("then", NOW - NOTE_EVERY, NOW)
    assert collected.write()
    assert collected.write()
    assert written == [{"then": NOW}]


def test_what_could_not_be_written_is_written_the_next_time_and_what_is_newer_stays(written: list[Any]):
    database = FakeDatabase()
    collected = SeenSessions(database)  # type: ignore[arg-type]
    for session_id in ("one", "two"):
        collected.note(session_id, NOW - NOTE_EVERY, NOW)
    database.failures = 1
    database.meanwhile = lambda: collected.note("two", NOW - NOTE_EVERY, NOW + SECOND)
    with pytest.raises(ConnectionError):
        collected.write()
    database.meanwhile = lambda: None
    collected.write()
    assert written == [{"one": NOW, "two": NOW + SECOND}]
