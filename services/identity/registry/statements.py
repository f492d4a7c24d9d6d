"""Statements that decide by how many rows they change."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CursorResult
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import UpdateBase


def rows_changed(session: Session, statement: UpdateBase) -> int:
    """Execute an UPDATE or DELETE, bypassing the session's objects. Answers how many rows it has changed."""
    done: CursorResult[Any] = session.execute(  # type: ignore[assignment]  # what the stubs do not say of an UPDATE
        statement, execution_options={"synchronize_session": False}
    )
    return done.rowcount
