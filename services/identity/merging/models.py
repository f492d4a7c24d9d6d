"""Table of merges. Its ids are not foreign keys, so that a merge does not move its own row."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime, hangs_on
from services.identity.models import Base


class PersonMerge(TenantScoped, Base):
    """Two records of one person became one: `merged_id` lives on in `kept_id`. `steps` lists what an undo reverses."""

    __tablename__ = "person_merges"
    __table_args__ = (
        Index(
            "uq_person_merges_merged_id_open",
            "merged_id",
            unique=True,
            sqlite_where=text("undone_at IS NULL"),
            postgresql_where=text("undone_at IS NULL"),
        ),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kept_id: Mapped[str] = mapped_column(String(32), index=True, info=hangs_on("people.id"))
    merged_id: Mapped[str] = mapped_column(String(32), info=hangs_on("people.id"))
    steps: Mapped[Any] = mapped_column(JsonValue)
    merged_by: Mapped[str] = mapped_column(String(64))
    merged_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    undone_by: Mapped[str | None] = mapped_column(String(64))
    undone_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
