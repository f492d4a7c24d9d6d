"""Tables of portals."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.portals.models import Base


class OrganisationKey(Base):
    """A copy of identity's organisation keys: a log-in page knows only the key. The table belongs to no tenant."""

    __tablename__ = "organisation_keys"
    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)


class PortalConfiguration(TenantScoped, Base):
    """How one portal of an organisation presents itself. Without a row the default applies, which is version 1."""

    __tablename__ = "portal_configurations"
    __table_args__ = (UniqueConstraint("organisation_id", "portal"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    portal: Mapped[str] = mapped_column(String(20))
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(60))
    colour: Mapped[str] = mapped_column(String(7))
    # The source texts of the messages, in their order.
    ticker: Mapped[Any] = mapped_column(JsonValue)
    configured_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
