"""The table of offers. The programs that an offer asks are its referrals."""

from __future__ import annotations

import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.referrals.models import Base

_OPEN_WITH_END = text("state = 'open' AND expires_at IS NOT NULL")


class Offer(TenantScoped, Base):
    """A contact record that was offered to several programs. `state` is one of `rules.STATES`.

    While it is open, none of its referrals holds a place. A transaction that changes one of them locks this row first.
    """

    __tablename__ = "offers"
    __table_args__ = (
        Index("ix_offers_newest", "organisation_id", "created_at", "id"),
        Index(
            "ix_offers_expiring",
            "expires_at",
            sqlite_where=_OPEN_WITH_END,
            postgresql_where=_OPEN_WITH_END,
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation_key: Mapped[str] = mapped_column(String(64))
    contact_record_id: Mapped[str] = mapped_column(ForeignKey("contact_records.id"), index=True)
    queue_id: Mapped[str] = mapped_column(ForeignKey("queues.id"))
    state: Mapped[str] = mapped_column(String(12))
    priority: Mapped[str] = mapped_column(String(10))
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    accepted_referral_id: Mapped[str | None] = mapped_column(String(32))
    version: Mapped[int] = mapped_column(Integer, default=1)
