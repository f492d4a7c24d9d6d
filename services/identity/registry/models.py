"""The table of orders about a person's data: whoever changes who a person is asks whether one is being carried out."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.identity.models import Base


class PersonalDataJob(TenantScoped, Base):
    """An export or erasure. `people` are the person and whoever was merged into it, `accounts` theirs, as they were then.

    It is never deleted: it proves what was erased, when and why.
    """

    __tablename__ = "personal_data_jobs"
    __table_args__ = (Index(None, "organisation_id", "person_id", "ordered_at"),)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation_key: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(20))
    person_id: Mapped[str] = mapped_column(String(32))
    people: Mapped[Any] = mapped_column(JsonValue)
    accounts: Mapped[Any] = mapped_column(JsonValue)
    reason_code: Mapped[str | None] = mapped_column(String(30))
    ordered_by: Mapped[str] = mapped_column(String(64))
    ordered_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)
    has_failed: Mapped[bool] = mapped_column(Boolean, default=False)
    sha256: Mapped[str | None] = mapped_column(String(64))
    size: Mapped[int | None] = mapped_column(Integer)
