"""The table of deliveries."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.notifications.models import Base


class Delivery(TenantScoped, Base):
    """One message to one account, its tries and its state."""

    __tablename__ = "deliveries"
    __table_args__ = (
        # One delivery for each event, account and kind, also if the inbox let a repeated event through.
        UniqueConstraint("event_id", "account_id", "kind"),
        Index(None, "organisation_id", "created_at", "id"),
        Index(None, "organisation_id", "kind", "created_at", "id"),
        Index(None, "organisation_id", "account_id", "created_at"),
        Index(None, "channel", "next_try_at"),
        Index(None, "created_at"),
        Index(None, "organisation_id", "account_id", "shown_at", "id"),
        Index(None, "organisation_id", "address_hash", "created_at"),
        Index(None, "organisation_id", "reference"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # The sender loop works across organisations and needs the key for its calls and events.
    organisation_key: Mapped[str] = mapped_column(String(64))
    event_id: Mapped[str] = mapped_column(String(64))
    account_id: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(64))
    # What it was sent with: the template (the kind, or a variant of it), the language of the organisation's own words and
    # their version. Without a language: the product's words and their version.
    template: Mapped[str | None] = mapped_column(String(64))
    template_language: Mapped[str | None] = mapped_column(String(35))
    template_version: Mapped[int] = mapped_column(Integer)
    channel: Mapped[str] = mapped_column(String(20))
    # What it is about, and the version of that: of something that changes meanwhile, it is not sent.
    about_id: Mapped[str | None] = mapped_column(String(32), index=True)
    about_version: Mapped[int | None] = mapped_column(Integer)
    # Ids and numbers only: contact_record_number, invitation_id, document_id.
    context: Mapped[Any] = mapped_column(JsonValue)
    state: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(64))
    tries: Mapped[int] = mapped_column(Integer, default=0)
    # When the delivery is due. While it is `sending`, the end of its sender's lease. NULL once it is finished.
    next_try_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    message_id: Mapped[str] = mapped_column(String(320))
    correlation_id: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    # When the provider has reported that it arrived, or what became of it.
    settled_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    # Until when the provider's report is waited for; NULL where none is expected or it has come.
    report_due_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)
    # From when on it is among the account's notices in the application; NULL for what has no place there.
    shown_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    read_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    # Where a mail, or a code by text message, went: by what that is known again, and what staff are shown of a mail's address.
    address_hash: Mapped[str | None] = mapped_column(String(64))
    masked_address: Mapped[str | None] = mapped_column(String(320))
    # What the request that caused it was called by its caller, and the kind of the API client that sent it; NULL for people.
    reference: Mapped[str | None] = mapped_column(String(100))
    client_kind: Mapped[str | None] = mapped_column(String(10))
    # Of several providers, the one that may have taken it; NULL: none has.
    provider: Mapped[str | None] = mapped_column(String(255))
    # By what the notice in the application makes it needless (`seen`, `explicit`), and when its owner has confirmed that.
    confirm_mode: Mapped[str | None] = mapped_column(String(10))
    confirmed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class SuppressedAddress(TenantScoped, Base):
    """A mailbox that returns mail, or whose owner has complained of it, or a number that wants no text messages.

    A row without an account is of a message to somebody without one.
    """

    __tablename__ = "suppressed_addresses"
    __table_args__ = (
        UniqueConstraint("organisation_id", "address_hash"),
        Index(None, "organisation_id", "since", "id"),
        Index(None, "organisation_id", "account_id"),
        Index(None, "since"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    address_hash: Mapped[str] = mapped_column(String(64))
    masked_address: Mapped[str] = mapped_column(String(320))
    account_id: Mapped[str | None] = mapped_column(String(32))
    # The message that came back, and why none follows; of a number that has sent STOP, its account's newest
    # text message, or the account's id where none is stored any more.
    delivery_id: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(String(64))
    since: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
