"""The table of exports."""

from __future__ import annotations

import datetime

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import UtcDateTime
from services.referrals.directory.models import LeasedJob
from services.referrals.models import Base


class DirectoryExport(LeasedJob, Base):
    """One export: its progress, and its file, which is deleted after `expires_at`.

    `total` and `done` count organizations and services. The process that writes it holds a lease, as with an import; after
    a crash another process starts over. `revision` is the directory's revision before it was read for the first time.
    """

    __tablename__ = "directory_exports"

    format: Mapped[str] = mapped_column(String(20))
    revision: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    total: Mapped[int] = mapped_column(Integer)
    done: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str | None] = mapped_column(String(64))
    size: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(String(20))
    expires_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
