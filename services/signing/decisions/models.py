"""The tables of decisions: what is or will be signed, and up to where consents were read."""

from __future__ import annotations

import datetime

from sqlalchemy import Boolean, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.signing.models import Base


class Decision(TenantScoped, Base):
    """A decision with its own signature. `sha256` is the file of both; `document_id` is null for a consent."""

    __tablename__ = "decisions"
    __table_args__ = (
        Index(None, "organisation_id", "account_id", "decided_at"),
        Index(None, "organisation_id", "sha256"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    document_id: Mapped[str | None] = mapped_column(String(32), index=True)
    account_id: Mapped[str] = mapped_column(String(32))
    decided_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    sealed_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    sha256: Mapped[str] = mapped_column(String(64))


class ConsentProgress(TenantScoped, Base):
    """Up to where the consents of an organisation are signed. `news` counts what was heard; `done` is the count then."""

    __tablename__ = "consent_progress"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation_key: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    news: Mapped[int] = mapped_column(Integer)
    is_behind: Mapped[bool] = mapped_column(Boolean, index=True)
