"""Tables of referrals and their history."""

from __future__ import annotations

import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.referrals.tables import Base

_OPEN = text("NOT is_terminal")


class Referral(TenantScoped, Base):
    """A contact record that was assigned to a program through a ReferralQ.

    `holds_capacity` says whether one of the program's places is taken for it: claim and release flip it in the
    transaction that counts, so a place is given back exactly once. `note` is the last note of either side (S0-32).
    """

    __tablename__ = "referrals"
    __table_args__ = (
        # Read backwards for "newest first", so the same order serves both ways.
        Index("ix_referrals_of_program", "organisation_id", "program_id", "assigned_at", "id"),
        Index("ix_referrals_newest", "organisation_id", "assigned_at", "id"),
        Index(
            "uq_referrals_open",
            "contact_record_id",
            "queue_id",
            "program_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    contact_record_id: Mapped[str] = mapped_column(ForeignKey("contact_records.id"), index=True)
    queue_id: Mapped[str] = mapped_column(ForeignKey("queues.id"), index=True)
    program_id: Mapped[str] = mapped_column(ForeignKey("resources.id"))
    status: Mapped[str] = mapped_column(String(64))
    is_terminal: Mapped[bool] = mapped_column(Boolean, default=False)
    note: Mapped[str | None] = mapped_column(Text)
    holds_capacity: Mapped[bool] = mapped_column(Boolean, default=False)
    assigned_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, default=1)


class StatusChange(TenantScoped, Base):
    """One line of a referral's history, with the labels as they read at that time. Append-only."""

    __tablename__ = "referral_status_changes"
    __table_args__ = (UniqueConstraint("referral_id", "position"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    referral_id: Mapped[str] = mapped_column(ForeignKey("referrals.id"))
    position: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    from_key: Mapped[str | None] = mapped_column(String(64))
    from_label: Mapped[str | None] = mapped_column(String(40))
    to_key: Mapped[str] = mapped_column(String(64))
    to_label: Mapped[str] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(Text)
    actor_id: Mapped[str] = mapped_column(String(64))
