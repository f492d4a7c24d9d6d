"""Audit rows of readings, committed in groups: one of several simultaneous readers writes the rows of all.

Data is handed out only after the audit row is committed. A commit costs more than the rest of a small reading, while ten
rows in one transaction hardly cost more than one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from services.chassis.database import Database
from services.contracts.errors import Refused

# A group is written, or refused by a busy database, long before this time is over.
MOST_WAITED_S = 10.0


class ReadingAudit:
    """Writes audit rows of readings. The first caller leads: it writes the rows of all callers that have come by then."""

    def __init__(self, database: Database, tables: Any) -> None:
        self._database = database
        self._insert = tables.insert_audit
        self._lock = threading.Lock()
        self._waiting: list[_Note] = []
        self._is_led = False

    def write(self, row: Mapping[str, Any]) -> None:
        """Write the row (see `unit_of_work.audit_row`) and return when it is committed.

        Raises Refused(service_unavailable), or the database's error, if it is not committed: then hand out nothing.
        """
        note = _Note(row)
        with self._lock:
            self._waiting.append(note)
            note.leads = not self._is_led
            self._is_led = True
        if not note.leads and not note.called.acquire(timeout=MOST_WAITED_S):
            self._give_up(note)
        if note.leads:
            self._lead()
        if not note.is_committed:
            raise _not_noted()

    def _lead(self) -> None:
        """Write a group and release its members. The first caller that came meanwhile leads the next group."""
        group: list[_Note] = []

        def insert(session: Session) -> None:
            # The transaction has begun, so it takes all callers that have come by now. A second attempt adds to them.
            group.extend(self._taken())
            session.connection().execute(self._insert, [note.row for note in group])

        is_committed = False
        try:
            time.sleep(0)  # yield to other greenlets, so that calls already received can join
            self._database.write(None, insert)
            is_committed = True
        finally:
            # If the transaction never began, all callers that wait are refused now.
            self._end(group or self._taken(), is_committed=is_committed)

    def _taken(self) -> list[_Note]:
        with self._lock:
            taken, self._waiting = self._waiting, []
        return taken

    def _end(self, group: list[_Note], *, is_committed: bool) -> None:
        for note in group:
            note.is_committed = is_committed
            note.called.release()
        with self._lock:
            self._is_led = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].called.release()

    def _give_up(self, note: _Note) -> None:
        """Refuse a note that has waited too long, unless it has just become the leader."""
        with self._lock:
            if note.leads:
                return
            if note in self._waiting:
                self._waiting.remove(note)
        raise _not_noted()


class _Note:
    """A row and its outcome. `called` is released once: when the group of the note has ended, or when the note shall lead."""

    __slots__ = ("called", "is_committed", "leads", "row")

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row
        self.leads = False
        self.is_committed = False
        self.called = threading.Lock()
        self.called.acquire()


def _not_noted() -> Refused:
    return Refused("service_unavailable", "The reading could not be noted.", retry_after_s=1)
