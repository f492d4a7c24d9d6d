"""Tables of invitations to appointments."""

from __future__ import annotations

import datetime

from sqlalchemy import Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.portals.models import Base


class AppointmentInvitation(TenantScoped, Base):
    """A person who is due for a type of appointments. `appointment_id` is what was booked for it."""

    __tablename__ = "appointment_invitations"
    __table_args__ = (
        Index(None, "person_id", "type_id"),
        Index(None, "type_id", "invited_at", "id"),
        Index(None, "first_person_id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(32))
    # Who was invited; `person_id` follows merges.
    first_person_id: Mapped[str] = mapped_column(String(32))
    type_id: Mapped[str] = mapped_column(ForeignKey("appointment_types.id"))
    due_on: Mapped[datetime.date] = mapped_column(Date)
    invited_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    appointment_id: Mapped[str | None] = mapped_column(String(32), index=True)
