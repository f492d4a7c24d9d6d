"""Tables of sessions, and of links of mails, which are used without one."""

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


class MailLink(TenantScoped, Base):
    """A link with which its account acts from a mail without signing in; only the hash of its token is stored.

    It admits what MAIL_ACTIONS says of its `purpose`, on one object in one `object_state`. `holder_mark` is a hash of the account's
    address, log-in and role when it was made: where one of them is another one, the link is dead.
    """

    __tablename__ = "mail_links"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    message_id: Mapped[str] = mapped_column(String(32), index=True)
    purpose: Mapped[str] = mapped_column(String(20))
    object_id: Mapped[str] = mapped_column(String(32))
    object_state: Mapped[str] = mapped_column(String(64))
    holder_mark: Mapped[str] = mapped_column(String(64))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime, index=True)
    void_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
