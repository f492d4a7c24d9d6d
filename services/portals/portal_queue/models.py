"""Tables of the queue."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, func, literal_column
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import BytewiseText, JsonValue, TenantScoped, UtcDateTime
from services.chassis.unit_of_work import utc_now
from services.portals.models import Base


class QueueItem(TenantScoped, Base):
    """A request or message of a person. It is open until staff dismiss it, and then in the archive."""

    __tablename__ = "queue_items"
    __table_args__ = (
        Index(
            "ix_queue_items_by_request", "organisation_id", "is_open", "requested_at", "person_name_key", "id"
        ),
        Index(None, "organisation_id", "is_open", "due_at", "id"),
        Index(None, "organisation_id", "updated_at", "id"),
        Index(None, "organisation_id", "requested_at", "id"),
        Index(
            "ix_queue_items_by_department", "organisation_id", "is_open", "department", "requested_at", "id"
        ),
        Index(None, "person_id", "requested_at"),
        Index(None, "thread_id"),
        Index(None, "reference_id"),
        Index(None, "first_person_id"),
        Index(None, "escalates_at"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(20))
    type: Mapped[str] = mapped_column(String(64))
    type_name: Mapped[str] = mapped_column(String(60))
    department: Mapped[str] = mapped_column(String(60))
    questionnaire_id: Mapped[str | None] = mapped_column(String(32))
    person_id: Mapped[str] = mapped_column(String(32))
    # Whom it was about first; `person_id` follows merges.
    first_person_id: Mapped[str] = mapped_column(String(32))
    # The name at the time of the request, as identity knew it: the archive is sorted by it.
    person_name: Mapped[str] = mapped_column(String(202))
    person_name_key: Mapped[str] = mapped_column(BytewiseText)
    # Who has written it; null where staff have entered it for somebody.
    account_id: Mapped[str | None] = mapped_column(String(32))
    portal: Mapped[str | None] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)
    thread_id: Mapped[str] = mapped_column(ForeignKey("threads.id"))
    priority: Mapped[str] = mapped_column(String(20))
    requested_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime.datetime] = mapped_column(
        UtcDateTime, default=utc_now, onupdate=utc_now, server_default=func.now()
    )
    # When somebody is told next that it waits; null once it is answered, or once everybody was told.
    escalates_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    escalated_to: Mapped[str | None] = mapped_column(String(20))
    is_open: Mapped[bool] = mapped_column(Boolean)
    is_waiting: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str] = mapped_column(String(20))
    dismissed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    assigned_to: Mapped[str | None] = mapped_column(String(32))
    helper_action: Mapped[str] = mapped_column(String(40))
    action_state: Mapped[str] = mapped_column(String(20))
    result_link: Mapped[str | None] = mapped_column(String(500))
    # What another subject keeps of the request, such as an appointment.
    reference_type: Mapped[str | None] = mapped_column(String(64))
    reference_id: Mapped[str | None] = mapped_column(String(32))

    @property
    def known_person_id(self) -> str | None:
        """Whom it is about. None of an application that is not sent: until then its own id stands in the place of a person's."""
        return None if self.person_id == self.reference_id else self.person_id


class OwnChange(TenantScoped, Base):
    """What an item of the queue asks to change in a person's record. `values` null: only to take away `replaces_id`."""

    __tablename__ = "own_changes"
    item_id: Mapped[str] = mapped_column(ForeignKey("queue_items.id"), primary_key=True)
    section: Mapped[str] = mapped_column(String(20))
    values: Mapped[Any] = mapped_column(JsonValue, nullable=True)
    replaces_id: Mapped[str | None] = mapped_column(String(32))
    accepted_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class QueueStep(TenantScoped, Base):
    """Something that was done with an item. Rows are only added; `number` counts them within the item from 1."""

    __tablename__ = "queue_steps"
    item_id: Mapped[str] = mapped_column(ForeignKey("queue_items.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    step: Mapped[str] = mapped_column(String(30))
    actor_id: Mapped[str] = mapped_column(String(64))


class QueueEscalation(TenantScoped, Base):
    """Who was told that an item waits past its time. Rows are only added."""

    __tablename__ = "queue_escalations"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("queue_items.id"), index=True)
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    level: Mapped[str] = mapped_column(String(20))
    account_ids: Mapped[Any] = mapped_column(JsonValue)


class ReplyDraft(TenantScoped, Base):
    """What an account has begun to answer to an item. It goes when it is sent or thrown away."""

    __tablename__ = "reply_drafts"
    item_id: Mapped[str] = mapped_column(ForeignKey("queue_items.id"), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(32), primary_key=True, index=True)
    text: Mapped[str] = mapped_column(Text)
    saved_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class QueueText(TenantScoped, Base):
    """The words by which an item is found, in the form in which they are compared.

    `number` is what SQLite's full-text index knows the row by: `fts_queue_texts`, which triggers keep (migration 0007).
    """

    __tablename__ = "queue_texts"
    __table_args__ = (
        Index(
            "ix_queue_texts_words",
            func.to_tsvector(literal_column("'simple'::regconfig"), literal_column("words")),
            postgresql_using="gin",
        ),
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    item_id: Mapped[str] = mapped_column(ForeignKey("queue_items.id"), unique=True)
    words: Mapped[str] = mapped_column(Text)


class QueueSettings(TenantScoped, Base):
    """How the organisation works on its queue. Without a row the default holds, which is version 1."""

    __tablename__ = "queue_settings"
    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    # The members of the contract's PortalQueueSettings that were changed.
    changed: Mapped[Any] = mapped_column(JsonValue)
