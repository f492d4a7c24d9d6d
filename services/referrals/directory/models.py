"""Table of the resource directory."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.referrals.tables import Base


class Resource(TenantScoped, Base):
    """An agency, program or site. `record` holds everything the export said about it, as plain JSON."""

    __tablename__ = "resources"
    __table_args__ = (
        UniqueConstraint("organisation_id", "number"),
        Index(None, "organisation_id", "agency_id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[str] = mapped_column(String(20))
    level: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(255))
    search_key: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(30))
    agency_id: Mapped[str | None] = mapped_column(ForeignKey("resources.id"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    temporary_message: Mapped[Any] = mapped_column(JsonValue)
    # Long, and seldom asked for: a list of names would read all of it otherwise.
    record: Mapped[Any] = mapped_column(JsonValue, deferred=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
