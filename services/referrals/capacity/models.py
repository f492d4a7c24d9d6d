"""Table of capacity."""

from __future__ import annotations

import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.referrals.tables import Base


class Capacity(TenantScoped, Base):
    """How much a program can take. `free` is never stored, so `used + free = total` always holds."""

    __tablename__ = "capacities"
    # The database refuses by itself what no code of ours may ever try.
    __table_args__ = (CheckConstraint("used >= 0 AND used <= total", name="used_within_total"),)

    program_id: Mapped[str] = mapped_column(ForeignKey("resources.id"), primary_key=True)
    total: Mapped[int] = mapped_column(Integer)
    used: Mapped[int] = mapped_column(Integer, default=0)
    unit: Mapped[str] = mapped_column(String(40))
    note: Mapped[str | None] = mapped_column(String(500))
    version: Mapped[int] = mapped_column(Integer, default=1)
    updated_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)

    @property
    def free(self) -> int:
        """Places that can still be claimed."""
        return self.total - self.used
