"""The table of an organisation's choices about notices."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped
from services.notifications.models import Base


class NoticeSettings(TenantScoped, Base):
    """What an organisation has chosen. Version 1 is that without a row: as usual."""

    __tablename__ = "notice_settings"
    __table_args__ = (UniqueConstraint("organisation_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    # Topic → audiences. A topic that is not there is as usual.
    told: Mapped[Any] = mapped_column(JsonValue)
    management_role_id: Mapped[str | None] = mapped_column(String(32))
    reminder_days: Mapped[Any] = mapped_column(JsonValue)
    reminder_hours: Mapped[int | None] = mapped_column(Integer)
    # Group of messages → by what its notice in the application makes the e-mail needless, and how long the e-mail waits for that.
    confirmed_by: Mapped[Any] = mapped_column(JsonValue, default=dict, server_default="{}")
    confirm_minutes: Mapped[int] = mapped_column(Integer, default=60, server_default="60")
