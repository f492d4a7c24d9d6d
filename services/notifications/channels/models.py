"""What an organisation has chosen about channels, and how many messages its API clients have caused."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Date, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped
from services.notifications.models import Base


class ChannelSettings(TenantScoped, Base):
    """What an organisation has chosen. Version 1 is that without a row: as the installation has it."""

    __tablename__ = "channel_settings"
    __table_args__ = (UniqueConstraint("organisation_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    # Channel → days. A channel that is not there is as usual.
    kept_days: Mapped[Any] = mapped_column(JsonValue)


class ClientMessages(TenantScoped, Base):
    """How many messages an organisation's API clients have caused on a day (UTC)."""

    __tablename__ = "client_messages"
    __table_args__ = (UniqueConstraint("organisation_id", "on_day"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    on_day: Mapped[datetime.date] = mapped_column(Date, index=True)
    made: Mapped[int] = mapped_column(Integer)
