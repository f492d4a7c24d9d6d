"""Tables of appointments."""

from __future__ import annotations

import datetime

from sqlalchemy import Date, ForeignKey, Index, Integer, String, func
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.chassis.unit_of_work import utc_now
from services.portals.models import Base


class Appointment(TenantScoped, Base):
    """An appointment. Place and zone are those of the schedule when it was booked; `on` is its day there.

    `moves` counts how often the person has moved it. `confirmed_at` is when the person has confirmed this time of it.
    `reminds_at` is when a reminder is due; None: none any more.
    """

    __tablename__ = "appointments"
    __table_args__ = (
        Index(None, "organisation_id", "on", "starts_at", "id"),
        Index(None, "organisation_id", "updated_at", "id"),
        Index(None, "organisation_id", "starts_at", "id"),
        Index(None, "provider_id", "starts_at"),
        Index(None, "person_id", "starts_at", "id"),
        Index(None, "first_person_id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    # The loop of reminders works across organisations and needs the key for its events.
    organisation_key: Mapped[str | None] = mapped_column(String(64))
    person_id: Mapped[str] = mapped_column(String(32))
    # For whom it was booked; `person_id` follows merges.
    first_person_id: Mapped[str] = mapped_column(String(32))
    account_id: Mapped[str | None] = mapped_column(String(32))
    type_id: Mapped[str] = mapped_column(ForeignKey("appointment_types.id"), index=True)
    provider_id: Mapped[str] = mapped_column(ForeignKey("appointment_providers.id"))
    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedules.id"), index=True)
    starts_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    on: Mapped[datetime.date] = mapped_column(Date)
    place: Mapped[str] = mapped_column(String(200))
    time_zone: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20))
    source: Mapped[str] = mapped_column(String(20))
    moves: Mapped[int] = mapped_column(Integer)
    booked_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime.datetime] = mapped_column(
        UtcDateTime, default=utc_now, onupdate=utc_now, server_default=func.now()
    )
    confirmed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    reminds_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)


class TakenTime(TenantScoped, Base):
    """Five minutes of a provider that an appointment takes. The key is what makes a double booking impossible."""

    __tablename__ = "taken_times"
    provider_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime, primary_key=True)
    appointment_id: Mapped[str] = mapped_column(ForeignKey("appointments.id"), index=True)
