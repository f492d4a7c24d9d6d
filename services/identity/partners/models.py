"""The table of partners."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.identity.models import Base

_NOT_REVOKED = text("revoked_at IS NULL")


class Partner(TenantScoped, Base):
    """A system of somebody else that reads events. The broker does what is written here once `carried_out` is `version`.

    `password_hash` is in the broker's own form, salted. The password is random and has 256 bits.
    """

    __tablename__ = "partners"
    __table_args__ = (
        Index(
            "uq_partners_name_in_use",
            "organisation_id",
            "name",
            unique=True,
            sqlite_where=_NOT_REVOKED,
            postgresql_where=_NOT_REVOKED,
        ),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation_key: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(100))
    event_types: Mapped[Any] = mapped_column(JsonValue)
    password_hash: Mapped[str] = mapped_column(String(80))
    version: Mapped[int] = mapped_column(Integer, default=1)
    carried_out: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(64))
    password_changed_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)
