"""Audit rows of readings, committed in groups. Data is handed out only after its row is committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from services.chassis.database import Database
from services.chassis.grouping import Group, Grouping
from services.contracts.errors import Refused

# A group is written, or refused by a busy database, long before this time is over.
MOST_WAITED_S = 10.0
Row = Mapping[str, Any]


class ReadingAudit:
    """Writes audit rows of readings: one of several simultaneous readers writes the rows of all."""

    def __init__(self, database: Database, tables: Any) -> None:
        self._database = database
        self._insert = tables.insert_audit
        self._rows: Grouping[Sequence[Row], None] = Grouping(self._write, _not_noted)

    def write(self, *rows: Row) -> None:
        """Write the rows of one reader (see `unit_of_work.audit_row`) and return when all are committed, in one transaction.

        Raises Refused(service_unavailable), or the database's error, if they are not committed: then hand out nothing.
        """
        self._rows.do(rows, MOST_WAITED_S)

    def _write(self, group: Group[Sequence[Row], None]) -> Sequence[None]:
        readers: list[Sequence[Row]] = []

        def insert(session: Session) -> None:
            # Gathered after the transaction has begun: waiting for other writers lets more readers join.
            readers[:] = group.gather()
            session.connection().execute(self._insert, [row for rows in readers for row in rows])

        self._database.write(None, insert)  # yields first, so that calls already received can join
        return [None] * len(readers)


def _not_noted() -> Refused:
    return Refused("service_unavailable", "The reading could not be noted.", retry_after_s=1)
