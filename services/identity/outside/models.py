"""Tables of the links to outside accounts, and of sign-ins in progress."""

from __future__ import annotations

import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.identity.models import Base


class OutsideIdentity(TenantScoped, Base):
    """An account of a provider, by issuer and subject, that signs in to an account here.

    One outside account leads to at most one account of a realm. An account has at most one link per issuer: when an
    address is given to somebody else, it must not open the former owner's account.
    """

    __tablename__ = "outside_identities"
    __table_args__ = (
        UniqueConstraint("organisation_id", "realm", "issuer", "subject"),
        UniqueConstraint("account_id", "issuer"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    realm: Mapped[str] = mapped_column(String(20))
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    linked_by: Mapped[str] = mapped_column(String(20))
    linked_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class OutsideSignIn(TenantScoped, Base):
    """An authorization request in progress. It ends by use or after ten minutes.

    `sealed` holds PKCE verifier and nonce. `issuer` and `client_id` are those it was begun with. `account_id` and
    `session_id` are set where somebody who is signed in wants a link or a proof.
    """

    __tablename__ = "outside_sign_ins"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    provider_id: Mapped[str] = mapped_column(ForeignKey("identity_providers.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(20))
    state_hash: Mapped[str] = mapped_column(String(64), unique=True)
    browser_hash: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[str] = mapped_column(Text)
    issuer: Mapped[str] = mapped_column(String(500))
    client_id: Mapped[str] = mapped_column(String(255))
    return_path: Mapped[str] = mapped_column(String(500))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    session_id: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
