"""Tables of requests for appointments."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.portals.models import Base


class AppointmentRequest(TenantScoped, Base):
    """What somebody has asked for. An item of the portal queue refers to it while it is open."""

    __tablename__ = "appointment_requests"
    __table_args__ = (
        Index(None, "organisation_id", "is_open", "asked_at", "id"),
        Index(None, "person_id", "asked_at", "id"),
        Index(None, "first_person_id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    person_id: Mapped[str] = mapped_column(String(32))
    # For whom it was asked; `person_id` follows merges.
    first_person_id: Mapped[str] = mapped_column(String(32))
    account_id: Mapped[str] = mapped_column(String(32))
    is_by_supervisor: Mapped[bool] = mapped_column(Boolean)
    portal: Mapped[str] = mapped_column(String(40))
    type_id: Mapped[str] = mapped_column(ForeignKey("appointment_types.id"), index=True)
    earliest_on: Mapped[datetime.date | None] = mapped_column(Date)
    latest_on: Mapped[datetime.date | None] = mapped_column(Date)
    parts_of_day: Mapped[Any] = mapped_column(JsonValue)
    note: Mapped[str | None] = mapped_column(String(1000))
    state: Mapped[str] = mapped_column(String(20))
    is_open: Mapped[bool] = mapped_column(Boolean)
    asked_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    answer: Mapped[str | None] = mapped_column(String(1000))
    appointment_id: Mapped[str | None] = mapped_column(String(32), index=True)
