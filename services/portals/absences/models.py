"""The table of absences."""

from __future__ import annotations

import datetime

from sqlalchemy import Date, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped
from services.portals.models import Base


class Absence(TenantScoped, Base):
    """When an account of the staff is away. Once it is there again, the row has no days."""

    __tablename__ = "absences"
    __table_args__ = (Index(None, "organisation_id", "until_on"),)
    account_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    from_on: Mapped[datetime.date | None] = mapped_column(Date)
    until_on: Mapped[datetime.date | None] = mapped_column(Date)
    text: Mapped[str | None] = mapped_column(String(500))
    surrogate_id: Mapped[str | None] = mapped_column(String(32))
