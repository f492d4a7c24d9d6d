"""Tables of published items."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime, hangs_on
from services.portals.models import Base


class PublishedItem(TenantScoped, Base):
    """What a portal shows of a person, in its newest revision."""

    __tablename__ = "published_items"
    __table_args__ = (
        UniqueConstraint("organisation_id", "source", "source_reference"),
        Index("ix_published_items_person_id_kind_published_at", "person_id", "kind", "published_at"),
        Index("ix_published_items_person_id_published_at", "person_id", "published_at"),
        Index("ix_published_items_first_person_id", "first_person_id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(32))
    # Whom it was published for; `person_id` follows merges.
    first_person_id: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(20))
    values: Mapped[Any] = mapped_column(JsonValue)
    source: Mapped[str] = mapped_column(String(64))
    # Null where the source did not name it; then each publishing makes another item.
    source_reference: Mapped[str | None] = mapped_column(String(100))
    revision: Mapped[int] = mapped_column(Integer)
    published_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    valid_from: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    valid_until: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    withdrawn_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class ItemRevision(TenantScoped, Base):
    """An item as it was before its newest revision."""

    __tablename__ = "item_revisions"
    item_id: Mapped[str] = mapped_column(String(32), primary_key=True, info=hangs_on("published_items.id"))
    revision: Mapped[int] = mapped_column(Integer, primary_key=True)
    values: Mapped[Any] = mapped_column(JsonValue)
    published_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
