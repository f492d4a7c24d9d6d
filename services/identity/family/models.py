"""Table of a client's contacts."""

from __future__ import annotations

import datetime

from sqlalchemy import ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.identity.models import Base


class ClientContact(TenantScoped, Base):
    """A person who is a contact of a client. `relation` is what staff entered: mother, physician."""

    __tablename__ = "client_contacts"
    __table_args__ = (UniqueConstraint("client_id", "contact_id"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("people.id"))
    contact_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    relation: Mapped[str] = mapped_column(String(60))
    disabled_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
