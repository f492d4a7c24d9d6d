"""Tables of sessions."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.identity.models import Base


class LoginSession(TenantScoped, Base):
    """A log-in. It holds until it is ended, is idle for too long, or reaches `expires_at`."""

    __tablename__ = "sessions"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    end_reason: Mapped[str | None] = mapped_column(String(20))
    # When a password or code was last given in it: sensitive operations ask for a recent one (`prove_myself`).
    proven_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    # The emergency accesses of this session: dicts of id, type, object_id, permission, until.
    emergency: Mapped[Any] = mapped_column(JsonValue, nullable=True)
