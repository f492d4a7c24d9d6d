"""The table of what each service has done of an order about a person's data (`registry.models.PersonalDataJob`)."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.identity.models import Base


class PersonalDataPart(TenantScoped, Base):
    """What one service has done: rows written or deleted, rows that stay by reason, and the file of an export."""

    __tablename__ = "personal_data_parts"
    job_id: Mapped[str] = mapped_column(ForeignKey("personal_data_jobs.id"), primary_key=True)
    service: Mapped[str] = mapped_column(String(20), primary_key=True)
    done_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    rows: Mapped[int] = mapped_column(Integer)
    kept: Mapped[Any] = mapped_column(JsonValue)
    sha256: Mapped[str | None] = mapped_column(String(64))
