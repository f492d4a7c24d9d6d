"""The table of imports."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Integer, String, false
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue
from services.referrals.directory.models import LeasedJob
from services.referrals.models import Base


class DirectoryImport(LeasedJob, Base):
    """One import: its request, its progress and its report.

    The process that works on it holds a lease (`claimed_by` until `claimed_until`); after a crash another continues.
    """

    __tablename__ = "directory_imports"

    source: Mapped[str | None] = mapped_column(String(20))
    is_dry_run: Mapped[bool]
    # Whether a person has confirmed that programs with open referrals are closed, and which ones the file closes.
    is_confirmed: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    closing: Mapped[Any] = mapped_column(JsonValue, nullable=True)
    sha256: Mapped[str] = mapped_column(String(64))
    total: Mapped[int | None] = mapped_column(Integer)
    done: Mapped[int] = mapped_column(Integer)
    counts: Mapped[Any] = mapped_column(JsonValue)
    levels: Mapped[Any] = mapped_column(JsonValue)
    problems: Mapped[Any] = mapped_column(JsonValue)
    warnings: Mapped[Any] = mapped_column(JsonValue)
    refusal: Mapped[Any] = mapped_column(JsonValue, nullable=True)
