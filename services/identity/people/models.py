"""Tables of people: who they are, to whom they belong, which account reaches whose profile, realms' settings."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped
from services.identity.models import Base


class Preferences(TenantScoped, Base):
    """What people say about themselves in a portal. The security question is stored but is no proof (NIST SP 800-63B-4)."""

    __tablename__ = "person_preferences"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), unique=True)
    security_question: Mapped[str | None] = mapped_column(String(200))
    preferred_language: Mapped[str | None] = mapped_column(String(40))
    preferred_time_zone: Mapped[str | None] = mapped_column(String(60))
    preferred_pharmacy: Mapped[str | None] = mapped_column(String(200))
