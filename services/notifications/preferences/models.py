"""The table of preferences."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import String, Time, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped
from services.notifications.models import Base


class MessagePreferences(TenantScoped, Base):
    """What an account has chosen. Without a row it wants everything at every hour."""

    __tablename__ = "message_preferences"
    __table_args__ = (UniqueConstraint("organisation_id", "account_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(32))
    switched_off: Mapped[Any] = mapped_column(JsonValue)
    # Groups of which one mail a day tells, at this time.
    digested: Mapped[Any] = mapped_column(JsonValue, default=list, server_default="[]")
    digest_at: Mapped[datetime.time] = mapped_column(
        Time, default=datetime.time(8), server_default="08:00:00"
    )
    quiet_from: Mapped[datetime.time | None] = mapped_column(Time)
    quiet_until: Mapped[datetime.time | None] = mapped_column(Time)
    time_zone: Mapped[str] = mapped_column(String(64))
