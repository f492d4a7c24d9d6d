"""Tables of what decides about a passport: consents, which another service owns, and links of mails."""

from __future__ import annotations

import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.identity.models import Base


class RequiredConsent(TenantScoped, Base):
    """A consent that a portal requires of the accounts of a realm, and the version that must be signed.

    `generation` grows with each change that portals makes to the row, so that an older event changes nothing.
    """

    __tablename__ = "required_consents"
    __table_args__ = (Index(None, "organisation_id", "realm"),)
    portal: Mapped[str] = mapped_column(String(40), primary_key=True)
    consent_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    realm: Mapped[str] = mapped_column(String(20))
    text_version: Mapped[int] = mapped_column(Integer)
    is_required: Mapped[bool] = mapped_column(Boolean)
    generation: Mapped[int] = mapped_column(Integer)


class GivenConsent(TenantScoped, Base):
    """What an account last did about a consent: it has signed a version, or taken it back (`is_given` is false).

    `valid_until` is null where it holds without end. `generation` grows with each signature and withdrawal.
    """

    __tablename__ = "given_consents"
    account_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    consent_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    text_version: Mapped[int] = mapped_column(Integer)
    is_given: Mapped[bool] = mapped_column(Boolean)
    valid_until: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    generation: Mapped[int] = mapped_column(Integer)


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
