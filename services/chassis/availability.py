"""What an error of the database means to a caller. An outage is logged when it begins and when it has ended, not per request."""

from __future__ import annotations

import threading
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from services.chassis.logs import log
from services.contracts.errors import Refused

BUSY, AWAY, FULL = "busy", "away", "full"
_WORDS = {
    BUSY: ("The database is busy.", 1),
    AWAY: ("The database cannot be reached.", 2),
    FULL: ("The database's disk is full; nothing was saved.", 30),
}
# https://www.sqlite.org/rescode.html, the part of a name before its second underscore
_OF_SQLITE = {
    "SQLITE_BUSY": BUSY,
    "SQLITE_LOCKED": BUSY,
    "SQLITE_FULL": FULL,
    "SQLITE_IOERR": AWAY,
    "SQLITE_CANTOPEN": AWAY,
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_OF_POSTGRESQL = {
    "40001": BUSY,  # serialization_failure
    "40P01": BUSY,  # deadlock_detected
    "53100": FULL,  # disk_full
    "53200": BUSY,  # out_of_memory
    "53300": BUSY,  # too_many_connections
    "55P03": BUSY,  # lock_not_available
    "57014": BUSY,  # query_canceled: the time limit of a statement
    "25P03": BUSY,  # idle_in_transaction_session_timeout
    "57P01": AWAY,  # admin_shutdown
    "57P02": AWAY,  # crash_shutdown
    "57P03": AWAY,  # cannot_connect_now
}


_LOST_RACES = {"40001", "40P01"}


class Availability:
    """Whether a database can be used, as its last statements told."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outage: str | None = None

    def refusal(self, error: DBAPIError | NoConnectionFree) -> Refused | None:
        """Refused(service_unavailable), or None where the error is a fault in our code."""
        kind = kind_of(error)
        if kind is None:
            return None
        if kind != BUSY:
            self._note(kind)
        return refusal_of(kind)

    def works(self) -> None:
        """Note that the database has answered."""
        if self._outage is not None:
            self._note(None)

    def _note(self, outage: str | None) -> None:
        with self._lock:
            before, self._outage = self._outage, outage
        if before == outage:
            return
        if outage is None:
            log.info("database_back", reason=before)
        else:
            log.error("database_outage", reason=outage)


def refusal_of(kind: str) -> Refused:
    """What a caller is told who meets this state of the database."""
    words, retry_after_s = _WORDS[kind]
    return Refused("service_unavailable", words, retry_after_s=retry_after_s)


def is_lost_race(error: DBAPIError) -> bool:
    """Whether another transaction was quicker, so that the same one may succeed when it is tried again."""
    code = getattr(error.orig, "pgcode", None)
    return kind_of(error) == BUSY if code is None else code in _LOST_RACES


def kind_of(error: DBAPIError | NoConnectionFree) -> str | None:
    """BUSY, AWAY or FULL; None where the error says nothing about the database's state."""
    if isinstance(error, NoConnectionFree):
        return BUSY
    original: Any = error.orig
    name = getattr(original, "sqlite_errorname", None)
    if name is not None:
        return _OF_SQLITE.get("_".join(name.split("_")[:2]))
    code = getattr(original, "pgcode", None)
    if code is None:
        # psycopg2 tells no code where the connection failed or was lost.
        is_lost = error.connection_invalidated or type(original).__name__ in {
            "OperationalError",
            "InterfaceError",
        }
        return AWAY if is_lost else None
    return AWAY if code.startswith("08") else _OF_POSTGRESQL.get(code)
