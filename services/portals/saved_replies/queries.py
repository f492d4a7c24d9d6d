"""Queries of saved replies."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.portals.saved_replies.models import SavedReply

_ORDER = "saved replies"


def list_saved_replies(session: Session, _caller: Caller, *, after: str | None, limit: int) -> dict[str, Any]:
    """A page of saved replies, by name."""
    statement = select(SavedReply).order_by(SavedReply.name_key, SavedReply.id).limit(limit + 1)
    if after is not None:
        key, last_id = read_cursor(after, _ORDER, str, str)
        beside = and_(SavedReply.name_key == key, SavedReply.id > last_id)
        statement = statement.where(or_(SavedReply.name_key > key, beside))
    rows = list(session.scalars(statement))
    last = rows[limit - 1] if len(rows) > limit else None
    return {"items": rows[:limit], "next": cursor_of(_ORDER, last.name_key, last.id) if last else None}


def get_saved_reply(session: Session, _caller: Caller, *, saved_reply_id: str) -> SavedReply:
    """One saved reply. Raises Refused `not_found`."""
    return found(session, saved_reply_id)


def found(session: Session, saved_reply_id: str, *, for_change: bool = False) -> SavedReply:
    """A saved reply. Raises Refused `not_found`."""
    statement = select(SavedReply).where(SavedReply.id == saved_reply_id)
    row = session.scalars(statement.with_for_update() if for_change else statement).one_or_none()
    if row is None:
        raise Refused("not_found", "There is no such saved reply any more.", "saved_reply_id")
    return row
