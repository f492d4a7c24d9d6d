"""Tables of the portals of an organisation."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.portals.models import Base


class OrganisationKey(Base):
    """A copy of identity's organisation keys: a log-in page knows only the key. The table belongs to no tenant.

    `time_zone` is null until identity has told it (`configuration/time_zones.py`).
    """

    __tablename__ = "organisation_keys"
    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    time_zone: Mapped[str | None] = mapped_column(String(64))


class Portal(TenantScoped, Base):
    """A portal that was added or changed. The portals of `rules.DEFAULT_PORTALS` are there without a row."""

    __tablename__ = "portals"
    __table_args__ = (UniqueConstraint("organisation_id", "portal"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # The suffix of its address, which never changes.
    portal: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(20))
    employer: Mapped[str | None] = mapped_column(String(100))
    region: Mapped[str | None] = mapped_column(String(100))
    is_enabled: Mapped[bool] = mapped_column(Boolean)
    security_roles: Mapped[Any] = mapped_column(JsonValue)
    # Whether what it shows is published by somebody who has not written it.
    needs_approval: Mapped[bool] = mapped_column(Boolean)
    networks: Mapped[Any] = mapped_column(JsonValue)
    version: Mapped[int] = mapped_column(Integer)
    changed_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class PortalHosts(TenantScoped, Base):
    """The hosts to whose pages the portals of an organisation may lead. Without a row there are none, which is version 1."""

    __tablename__ = "portal_hosts"
    __table_args__ = (UniqueConstraint("organisation_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    hosts: Mapped[Any] = mapped_column(JsonValue)
    version: Mapped[int] = mapped_column(Integer)
