"""Statements that decide by how many rows they change."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import UpdateBase


def rows_changed(session: Session, statement: UpdateBase) -> int:
    """Execute an UPDATE or DELETE, bypassing the session's objects. Answers how many rows it has changed."""
    done = session.execute(statement, execution_options={"synchronize_session": False})
    return cast(CursorResult[Any], done).rowcount  # `Session.execute` is typed for SELECT only
