"""Tables of orders."""

from __future__ import annotations

import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.portals.models import Base


class OrderItem(TenantScoped, Base):
    """Something that supervisors may order. `name_key` is its name as it is compared."""

    __tablename__ = "order_items"
    __table_args__ = (UniqueConstraint("organisation_id", "name_key"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(60))
    name_key: Mapped[str] = mapped_column(Text)
    explanation: Mapped[str | None] = mapped_column(String(500))
    is_offered: Mapped[bool] = mapped_column(Boolean)


class EmployeeOrder(TenantScoped, Base):
    """An order of a supervisor. How far it is, the item of the queue says that refers to it."""

    __tablename__ = "employee_orders"
    __table_args__ = (
        Index(None, "account_id", "placed_at", "id"),
        Index(None, "person_id", "order_item_id"),
        Index(None, "first_person_id"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(32))
    # For whom it was ordered; `person_id` follows merges.
    first_person_id: Mapped[str] = mapped_column(String(32))
    order_item_id: Mapped[str] = mapped_column(ForeignKey("order_items.id"))
    queue_item_id: Mapped[str] = mapped_column(ForeignKey("queue_items.id"))
    name: Mapped[str] = mapped_column(String(60))
    note: Mapped[str | None] = mapped_column(Text)
    account_id: Mapped[str] = mapped_column(String(32))
    placed_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
