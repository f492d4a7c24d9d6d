"""Tables of message types."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.portals.models import Base


class MessageType(TenantScoped, Base):
    """A message type that the organisation has added or changed. One that nobody has changed has no row."""

    __tablename__ = "message_types"
    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(60))
    item_kind: Mapped[str] = mapped_column(String(20))
    sent_from: Mapped[Any] = mapped_column(JsonValue)
    is_received: Mapped[bool] = mapped_column(Boolean)
    department: Mapped[str] = mapped_column(String(60))
    # Groups of staff among which people may choose; one that was taken away meanwhile is passed over.
    group_ids: Mapped[Any] = mapped_column(JsonValue, server_default="[]")
    questionnaire_id: Mapped[str | None] = mapped_column(String(32))
    helper_action: Mapped[str] = mapped_column(String(40))
    service_hours: Mapped[int] = mapped_column(Integer)
    is_enabled: Mapped[bool] = mapped_column(Boolean)
    changed_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class PortalMessageTypes(TenantScoped, Base):
    """Which message types a portal sends and receives. One for which nobody has chosen has no row."""

    __tablename__ = "portal_message_types"
    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    portal: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    sending: Mapped[Any] = mapped_column(JsonValue)
    receiving: Mapped[Any] = mapped_column(JsonValue)
