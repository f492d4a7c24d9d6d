"""Tables of the HR feed: imports of files, and their differences from the known employees."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.identity.models import Base


class HrImport(TenantScoped, Base):
    """An import of a file. Its changes are being written (`comparing`), written (`ready`), being applied, or applied.

    An import is `failed` once applying it has failed too often (`tries`); `reason` tells why.
    """

    __tablename__ = "hr_imports"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    state: Mapped[str] = mapped_column(String(20), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    total: Mapped[int] = mapped_column(Integer)
    done: Mapped[int] = mapped_column(Integer, default=0)
    counts: Mapped[Any] = mapped_column(JsonValue)
    problems: Mapped[Any] = mapped_column(JsonValue)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    applied_by: Mapped[str | None] = mapped_column(String(64))
    applied_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    tries: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    reason: Mapped[str | None] = mapped_column(String(20))


class HrImportLine(TenantScoped, Base):
    """One difference between a file and the known employees: `added`, `changed` or `ended`.

    `columns` are the values in the file; `changes` are dicts of field, before, after.
    """

    __tablename__ = "hr_import_lines"
    import_id: Mapped[str] = mapped_column(ForeignKey("hr_imports.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    employee_number: Mapped[str] = mapped_column(String(40))
    action: Mapped[str] = mapped_column(String(10))
    person_id: Mapped[str | None] = mapped_column(String(32), index=True)
    columns: Mapped[Any] = mapped_column(JsonValue)
    changes: Mapped[Any] = mapped_column(JsonValue)
