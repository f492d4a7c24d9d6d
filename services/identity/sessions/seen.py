"""When sessions were last used, written after the answer: a passport never waits for a write."""

from __future__ import annotations

import datetime
import threading

from sqlalchemy import update
from sqlalchemy.orm import Session

from services.chassis.database import Database
from services.chassis.runtime import Runtime
from services.identity.sessions.models import LoginSession

NOTE_EVERY = datetime.timedelta(seconds=30)
WRITE_EVERY_S = 1.0


class SeenSessions:
    """Collects sessions that were used and writes them together. A crash loses at most a second of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: dict[str, datetime.datetime] = {}
        self._lock = threading.Lock()

    def note(self, session_id: str, last_seen_at: datetime.datetime, now: datetime.datetime) -> None:
        """Note that the session was used now, if `last_seen_at` in the database is at least 30 seconds old."""
        if now - last_seen_at >= NOTE_EVERY:
            with self._lock:
                self._seen[session_id] = now

    def write(self) -> bool:
        """Write what was collected. True when nothing is left."""
        with self._lock:
            seen, self._seen = self._seen, {}
        if not seen:
            return True
        try:
            self._database.write(None, lambda session: _write(session, seen))
        except Exception:
            with self._lock:
                self._seen = seen | self._seen
            raise
        return True


def _write(session: Session, seen: dict[str, datetime.datetime]) -> None:
    # In a fixed order, so that two replicas with the same sessions do not deadlock.
    for session_id in sorted(seen):
        moment = seen[session_id]
        session.execute(
            update(LoginSession)
            .where(
                LoginSession.id == session_id,
                LoginSession.ended_at.is_(None),
                LoginSession.last_seen_at < moment,
            )
            .values(last_seen_at=moment),
            execution_options={"synchronize_session": False},
        )


def seen_sessions(runtime: Runtime) -> SeenSessions:
    """The collector of this process, made at the first call."""
    return runtime.parts.get(SeenSessions, lambda: SeenSessions(runtime.database))
