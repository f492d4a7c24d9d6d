"""Tables of changes that people ask for."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.portals.models import Base


class OwnChange(TenantScoped, Base):
    """What an item of the queue asks to change. `values` null: only to take away `replaces_id`."""

    __tablename__ = "own_changes"
    item_id: Mapped[str] = mapped_column(ForeignKey("queue_items.id"), primary_key=True)
    section: Mapped[str] = mapped_column(String(20))
    values: Mapped[Any] = mapped_column(JsonValue, nullable=True)
    replaces_id: Mapped[str | None] = mapped_column(String(32))
    accepted_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
