"""The table of preferences."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Integer, String, Time, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.notifications.models import Base


class MessagePreferences(TenantScoped, Base):
    """What an account has chosen. Without a row it wants everything at every hour."""

    __tablename__ = "message_preferences"
    __table_args__ = (UniqueConstraint("organisation_id", "account_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(32))
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    switched_off: Mapped[Any] = mapped_column(JsonValue)
    # Groups of which one mail a day tells, at this time.
    digested: Mapped[Any] = mapped_column(JsonValue, default=list, server_default="[]")
    digest_at: Mapped[datetime.time] = mapped_column(
        Time, default=datetime.time(8), server_default="08:00:00"
    )
    # Groups of which a text message tells as well.
    texted: Mapped[Any] = mapped_column(JsonValue, default=list, server_default="[]")
    quiet_from: Mapped[datetime.time | None] = mapped_column(Time)
    quiet_until: Mapped[datetime.time | None] = mapped_column(Time)
    time_zone: Mapped[str] = mapped_column(String(64))


class TextNumber(TenantScoped, Base):
    """Where an account gets text messages: `number`, in the form E.164, once it is confirmed. Its codes are not stored."""

    __tablename__ = "text_numbers"
    __table_args__ = (UniqueConstraint("organisation_id", "account_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(32))
    number: Mapped[str | None] = mapped_column(String(20), index=True)
    confirmed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    # A number that waits for its code, and of this code: which one of the account's it is, its end, and how often it was tried.
    pending_number: Mapped[str | None] = mapped_column(String(20), index=True)
    code_number: Mapped[int] = mapped_column(Integer)
    code_ends_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    code_tries: Mapped[int] = mapped_column(Integer)
    # How many codes were made in the 24 hours from then on.
    codes_made: Mapped[int] = mapped_column(Integer)
    codes_since: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
