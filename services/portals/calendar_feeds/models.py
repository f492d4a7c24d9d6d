"""The table of calendar feeds."""

from __future__ import annotations

import datetime

from sqlalchemy import Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.portals.models import Base


class CalendarFeed(TenantScoped, Base):
    """A feed that an account has switched on of a person's appointments. Only the hash of its secret is kept.

    `reads` counts the readings of the hour that began at `hour_at`.
    """

    __tablename__ = "calendar_feeds"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index(None, "account_id", "person_id"),
        Index(None, "first_person_id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation_key: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[str] = mapped_column(String(32))
    person_id: Mapped[str] = mapped_column(String(32), index=True)
    # Whose it was first; `person_id` follows merges.
    first_person_id: Mapped[str] = mapped_column(String(32))
    token_hash: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    read_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    hour_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    reads: Mapped[int] = mapped_column(Integer)
