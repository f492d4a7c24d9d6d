"""Tables of the images of portals."""

from __future__ import annotations

import datetime

from sqlalchemy import Boolean, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.portals.models import Base


class PortalImage(TenantScoped, Base):
    """An image that was given to a portal. It never changes and stays: earlier versions of the portal show it."""

    __tablename__ = "portal_images"
    __table_args__ = (Index(None, "organisation_id", "portal"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    portal: Mapped[str] = mapped_column(String(40))
    place: Mapped[str] = mapped_column(String(20))
    alias: Mapped[str] = mapped_column(String(80))
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    media_type: Mapped[str] = mapped_column(String(20))
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    is_stock: Mapped[bool] = mapped_column(Boolean)
    uploaded_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
