"""Tables of schedules."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.chassis.unit_of_work import utc_now
from services.portals.models import Base


class AppointmentType(TenantScoped, Base):
    """A type of appointments. Its code never changes: portals name it by that."""

    __tablename__ = "appointment_types"
    __table_args__ = (
        UniqueConstraint("organisation_id", "code"),
        Index(None, "organisation_id", "created_at", "id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    code: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(60))
    minutes: Mapped[int] = mapped_column(Integer)
    realms: Mapped[Any] = mapped_column(JsonValue)
    is_shown_to_supervisors: Mapped[bool] = mapped_column(Boolean)
    preparation: Mapped[str | None] = mapped_column(String(1000))
    changes_until_hours: Mapped[int] = mapped_column(Integer)
    lead_days: Mapped[int] = mapped_column(Integer, server_default="0")
    days_ahead: Mapped[int | None] = mapped_column(Integer)
    is_active: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class AppointmentProvider(TenantScoped, Base):
    """Whom people have appointments with, and the ids of the types that it takes."""

    __tablename__ = "appointment_providers"
    __table_args__ = (Index(None, "organisation_id", "created_at", "id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(60))
    type_ids: Mapped[Any] = mapped_column(JsonValue)
    is_active: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class Schedule(TenantScoped, Base):
    """When and where a provider sees people. `hours` and `exceptions` are as in the contract, days as ISO texts."""

    __tablename__ = "schedules"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    provider_id: Mapped[str] = mapped_column(ForeignKey("appointment_providers.id"), index=True)
    place: Mapped[str] = mapped_column(String(200))
    time_zone: Mapped[str] = mapped_column(String(64))
    hours: Mapped[Any] = mapped_column(JsonValue)
    exceptions: Mapped[Any] = mapped_column(JsonValue)
    holidays: Mapped[str | None] = mapped_column(String(10))
    from_on: Mapped[datetime.date | None] = mapped_column(Date)
    until_on: Mapped[datetime.date | None] = mapped_column(Date)
    updated_at: Mapped[datetime.datetime] = mapped_column(
        UtcDateTime, default=utc_now, onupdate=utc_now, server_default=func.now()
    )
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
