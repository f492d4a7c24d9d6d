"""Tables of credentials: invitations, the links they bring, changes of a log-in."""

from __future__ import annotations

import datetime

from sqlalchemy import ColumnElement, ForeignKey, String, and_
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.identity.models import Base
from services.identity.secrets.rules import CLOCKS_APART


class Invitation(TenantScoped, Base):
    """A link or temporary password to be sent to an account. It is made when its message is rendered."""

    __tablename__ = "invitations"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(20))
    requested_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class CredentialLink(TenantScoped, Base):
    """A secret that sets a password once. It ends when it is used, when a newer one is made, or when it expires.

    `kind` is `link` (256 random bits) or `temporary_password` (79 random bits, valid for its account only).
    """

    __tablename__ = "credential_links"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    invitation_id: Mapped[str] = mapped_column(ForeignKey("invitations.id"), index=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20), default="link")
    purpose: Mapped[str] = mapped_column(String(20))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    void_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)

    @classmethod
    def usable(cls, now: datetime.datetime) -> ColumnElement[bool]:
        """The condition on one that can be used now."""
        return and_(
            cls.used_at.is_(None),
            cls.void_at.is_(None),
            cls.expires_at > now,
            cls.created_at <= now + CLOCKS_APART,
        )

    def state(self, now: datetime.datetime) -> str:
        """`usable`, `expired` or `used_or_void`. One that was made later than now was made before the clock was set back."""
        if self.used_at is not None or self.void_at is not None:
            return "used_or_void"
        return "usable" if self.created_at - CLOCKS_APART <= now < self.expires_at else "expired"


class LoginChange(TenantScoped, Base):
    """A changed log-in e-mail, with the address before, where the notice goes. Events must not contain the address."""

    __tablename__ = "login_changes"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"), index=True)
    email_before: Mapped[str] = mapped_column(String(254))
    changed_by: Mapped[str] = mapped_column(String(64))
    changed_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
