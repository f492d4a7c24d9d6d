"""Tables of messages."""

from __future__ import annotations

import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.portals.models import Base


class Thread(TenantScoped, Base):
    """A conversation of staff with an account about a person; without one, with accounts of the person (`readers`).

    `messages` counts all messages, `unread` those of staff that the person has not opened.
    """

    __tablename__ = "threads"
    __table_args__ = (
        Index(None, "account_id", "last_at", "id"),
        Index(None, "person_id", "last_at", "id"),
        Index(None, "first_person_id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(32))
    # Whom it was about first; `person_id` follows merges.
    first_person_id: Mapped[str] = mapped_column(String(32))
    person_name: Mapped[str] = mapped_column(String(202))
    account_id: Mapped[str | None] = mapped_column(String(32))
    portal: Mapped[str | None] = mapped_column(String(40))
    # Without an account: the realms whose accounts of the person read it, each between blanks (`readers_of`).
    readers: Mapped[str | None] = mapped_column(String(120))
    type: Mapped[str] = mapped_column(String(64))
    type_name: Mapped[str] = mapped_column(String(60))
    started_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    messages: Mapped[int] = mapped_column(Integer)
    unread: Mapped[int] = mapped_column(Integer)
    has_sent: Mapped[bool] = mapped_column(Boolean)
    has_received: Mapped[bool] = mapped_column(Boolean)


class Message(TenantScoped, Base):
    """One message, counted within its conversation from 1. It never changes. One that is a file has no text."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("thread_id", "number"),
        Index(None, "organisation_id", "sent_at", "id"),
        Index(None, "person_id", "sent_at", "id"),
        Index(None, "author_id", "sent_at"),
        Index(None, "file_sha256"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    thread_id: Mapped[str] = mapped_column(ForeignKey("threads.id"))
    number: Mapped[int] = mapped_column(Integer)
    person_id: Mapped[str] = mapped_column(String(32))
    account_id: Mapped[str | None] = mapped_column(String(32))
    item_id: Mapped[str | None] = mapped_column(String(32), index=True)
    is_from_staff: Mapped[bool] = mapped_column(Boolean)
    author_id: Mapped[str] = mapped_column(String(64))
    type: Mapped[str] = mapped_column(String(64))
    type_name: Mapped[str] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(Text)
    file_sha256: Mapped[str | None] = mapped_column(String(64))
    file_type: Mapped[str | None] = mapped_column(String(40))
    file_size: Mapped[int | None] = mapped_column(Integer)
    sent_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    read_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    is_notified: Mapped[bool] = mapped_column(Boolean)
