"""Tables of groups of staff."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import BytewiseText, JsonValue, TenantScoped
from services.portals.models import Base


class StaffGroup(TenantScoped, Base):
    """A group of staff. `name_key` is its name as it is compared, `member_ids` are accounts in the order in which they were given."""

    __tablename__ = "staff_groups"
    __table_args__ = (UniqueConstraint("organisation_id", "name_key"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(60))
    name_key: Mapped[str] = mapped_column(BytewiseText)
    member_ids: Mapped[Any] = mapped_column(JsonValue)
    supervisor_id: Mapped[str | None] = mapped_column(String(32))
    service_hours: Mapped[int | None] = mapped_column(Integer)
