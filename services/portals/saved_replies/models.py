"""Tables of saved replies."""

from __future__ import annotations

from sqlalchemy import Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import BytewiseText, TenantScoped
from services.portals.models import Base


class SavedReply(TenantScoped, Base):
    """A reply under a name. `name_key` is its name as it is compared."""

    __tablename__ = "saved_replies"
    __table_args__ = (UniqueConstraint("organisation_id", "name_key"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str] = mapped_column(BytewiseText)
    text: Mapped[str] = mapped_column(Text)
