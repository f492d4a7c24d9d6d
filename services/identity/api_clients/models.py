"""Tables of API clients, their secrets and sessions."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.identity.models import Base


class ApiClient(TenantScoped, Base):
    """Another system that may call on its own behalf. `scopes` are permissions, `allowed_networks` CIDR ranges.

    `kind` says whom the messages reach that it causes.
    """

    __tablename__ = "api_clients"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(20), default="normal", server_default="normal")
    scopes: Mapped[Any] = mapped_column(JsonValue)
    allowed_networks: Mapped[Any] = mapped_column(JsonValue)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(32))
    expires_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class ApiSecret(TenantScoped, Base):
    """A secret of an API client. After a rotation two are valid, each until its `expires_at`."""

    __tablename__ = "api_secrets"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("api_clients.id"), index=True)
    secret_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class ApiSession(TenantScoped, Base):
    """A bearer token that an API client was given for one of its secrets."""

    __tablename__ = "api_sessions"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("api_clients.id"), index=True)
    secret_id: Mapped[str] = mapped_column(ForeignKey("api_secrets.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime, index=True)
