"""Tables of realms: an organisation's settings and its outside providers."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.identity.models import Base


class RealmSettings(TenantScoped, Base):
    """What an organisation has set for one realm. None: the process's setting holds."""

    __tablename__ = "realm_settings"
    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    realm: Mapped[str] = mapped_column(String(20), primary_key=True)
    login_id: Mapped[str] = mapped_column(String(20))
    link_minutes: Mapped[int | None] = mapped_column(Integer)
    temporary_password_days: Mapped[int] = mapped_column(Integer)
    pickup_code_days: Mapped[int] = mapped_column(Integer)
    session_idle_minutes: Mapped[int | None] = mapped_column(Integer)
    session_absolute_hours: Mapped[int | None] = mapped_column(Integer)
    invitation_style: Mapped[str] = mapped_column(String(20))
    second_factor_required: Mapped[bool] = mapped_column(Boolean)
    allowed_networks: Mapped[Any] = mapped_column(JsonValue)
    version: Mapped[int] = mapped_column(Integer, default=1)


class IdentityProvider(TenantScoped, Base):
    """The OpenID Connect provider that people of a realm may sign in with. The vault seals its client secret."""

    __tablename__ = "identity_providers"
    __table_args__ = (UniqueConstraint("organisation_id", "realm"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    realm: Mapped[str] = mapped_column(String(20))
    issuer: Mapped[str] = mapped_column(String(500))
    client_id: Mapped[str] = mapped_column(String(255))
    sealed_secret: Mapped[str | None] = mapped_column(Text)
    scopes: Mapped[Any] = mapped_column(JsonValue)
    linking: Mapped[str] = mapped_column(String(20))
    allows_passwords: Mapped[bool] = mapped_column(Boolean)
    trusts_second_factor: Mapped[bool] = mapped_column(Boolean)
    second_factor_acr: Mapped[str | None] = mapped_column(String(200))
    button_name: Mapped[str] = mapped_column(String(100))
    is_enabled: Mapped[bool] = mapped_column(Boolean)
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
