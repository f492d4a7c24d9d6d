"""Tables of portals."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.portals.models import Base


class PortalVersion(TenantScoped, Base):
    """One version of how a portal presents itself: what differs from the default of its kind.

    Number 0 is the draft, whose row also orders those who write at once; it has no document while nothing is drafted. The others
    are published and never change: the one with the greatest number whose time has come is shown, and those before it are kept.
    Number 1 is the default and has no row.
    """

    __tablename__ = "portal_versions"
    __table_args__ = (UniqueConstraint("organisation_id", "portal", "number"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    portal: Mapped[str] = mapped_column(String(40))
    number: Mapped[int] = mapped_column(Integer)
    document: Mapped[Any] = mapped_column(JsonValue, nullable=True)
    # How often the draft was written; of a published version, the number.
    version: Mapped[int] = mapped_column(Integer)
    # The accounts that have changed the draft since the last publication (see `needs_approval` of a portal). A version that waits
    # for its time keeps them: taken back, it is their draft again.
    editors: Mapped[Any] = mapped_column(JsonValue)
    changed_by: Mapped[str] = mapped_column(String(32))
    changed_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    published_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class DocumentType(TenantScoped, Base):
    """A type of which a document was published, so that staff can choose it for a portal."""

    __tablename__ = "document_types"
    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    document_type: Mapped[str] = mapped_column(String(64), primary_key=True)
