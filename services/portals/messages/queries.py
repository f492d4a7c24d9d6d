"""Queries of messages."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from services.chassis.cursors import cursor_of, read_cursor
from services.chassis.passports import Caller
from services.portals.messages.models import Message

_ORDER = "correspondence"
_MEMBERS = (
    "id",
    "thread_id",
    "person_id",
    "account_id",
    "item_id",
    "is_from_staff",
    "author_id",
    "type",
    "type_name",
    "text",
    "sent_at",
    "read_at",
    "is_notified",
)
_MOST_OF_THREAD = 200


def list_correspondence(
    session: Session, _caller: Caller, *, person_id: str, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of what staff and a person have written to each other, newest first."""
    statement = select(Message).where(Message.person_id == person_id)
    if after is not None:
        at, last = read_cursor(after, _ORDER, datetime.datetime, str)
        older = and_(Message.sent_at == at, Message.id < last)
        statement = statement.where(or_(Message.sent_at < at, older))
    rows = session.scalars(
        statement.order_by(Message.sent_at.desc(), Message.id.desc()).limit(limit + 1)
    ).all()
    page = rows[:limit]
    return {
        "items": [view(each) for each in page],
        "next": cursor_of(_ORDER, page[-1].sent_at, page[-1].id) if len(rows) > limit else None,
    }


def messages_of(session: Session, thread_id: str) -> list[Message]:
    """The newest messages of a thread, oldest first."""
    newest = select(Message).where(Message.thread_id == thread_id)
    found = session.scalars(newest.order_by(Message.number.desc()).limit(_MOST_OF_THREAD))
    return list(reversed(found.all()))


def view(message: Message) -> dict[str, Any]:
    """A message as the contract's Message."""
    return {name: getattr(message, name) for name in _MEMBERS} | {"file": file_of(message)}


def file_of(message: Message) -> dict[str, Any] | None:
    """The file that a message is, as the contract's MessageFile."""
    if message.file_sha256 is None:
        return None
    return {"media_type": message.file_type, "size": message.file_size}
