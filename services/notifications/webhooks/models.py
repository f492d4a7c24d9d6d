"""The table of webhooks."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.notifications.models import Base


class Webhook(TenantScoped, Base):
    """An address that is told of events, and how its last message went."""

    __tablename__ = "webhooks"
    __table_args__ = (UniqueConstraint("organisation_id", "place"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    # 1 to MOST: so an organisation never has more, also when two are registered at once.
    place: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(100))
    url: Mapped[str] = mapped_column(String(500))
    # Names of events.
    events: Mapped[Any] = mapped_column(JsonValue)
    is_paused: Mapped[bool] = mapped_column(Boolean)
    # The secret is derived from it and never stored; a new secret is a higher number.
    secret_number: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    last_state: Mapped[str | None] = mapped_column(String(20))
    last_reason: Mapped[str | None] = mapped_column(String(64))
    last_tried_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
