"""Tables of ReferralQs: the queue, its statuses, its programs."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.referrals.models import Base
from services.referrals.queues.rules import Status


class Queue(TenantScoped, Base):
    """A ReferralQ. `name_key` is the case-folded name, unique in the organisation.

    `settings` holds what an editor has set, by its name in `QueueSettings`. `forms` holds the linked contact forms, each
    `{"code", "name", "sections": [title], "questionnaire_id"}`.
    """

    __tablename__ = "queues"
    __table_args__ = (UniqueConstraint("organisation_id", "name_key"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    name_key: Mapped[str] = mapped_column(String(400))
    description: Mapped[str | None] = mapped_column(Text)
    settings: Mapped[Any] = mapped_column(JsonValue, default=dict, server_default="{}")
    forms: Mapped[Any] = mapped_column(JsonValue, default=list, server_default="[]")
    is_active: Mapped[bool] = mapped_column(Boolean, default=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    statuses: Mapped[list[QueueStatus]] = relationship(order_by="QueueStatus.position", lazy="selectin")

    def status_list(self) -> tuple[Status, ...]:
        """The statuses in order, as values for the rules."""
        return tuple(row.as_rule() for row in self.statuses)


class QueueStatus(TenantScoped, Base):
    """One status of a queue. Its key never changes; its label may."""

    __tablename__ = "queue_statuses"
    __table_args__ = (UniqueConstraint("queue_id", "key"), UniqueConstraint("queue_id", "position"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    queue_id: Mapped[str] = mapped_column(ForeignKey("queues.id"))
    key: Mapped[str] = mapped_column(String(64))
    label: Mapped[str] = mapped_column(String(40))
    position: Mapped[int] = mapped_column(Integer)
    is_terminal: Mapped[bool] = mapped_column(Boolean)
    fhir_status: Mapped[str] = mapped_column(String(20))
    reason_required: Mapped[bool] = mapped_column(Boolean, default=False)
    outcome_required: Mapped[bool] = mapped_column(Boolean, default=False)
    category: Mapped[str | None] = mapped_column(String(12))
    colour: Mapped[str | None] = mapped_column(String(7))

    def as_rule(self) -> Status:
        """This row as a value for the rules."""
        return Status(
            self.key,
            self.label,
            self.position,
            self.is_terminal,
            self.fhir_status,
            self.outcome_required,
            self.reason_required,
            self.category,
            self.colour,
        )
