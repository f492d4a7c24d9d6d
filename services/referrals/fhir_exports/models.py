"""The table of bulk exports."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import JSON, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import UtcDateTime
from services.referrals.directory.models import LeasedJob
from services.referrals.models import Base


class FhirExport(LeasedJob, Base):
    """One bulk export: what was ordered, how far it is, and its files, which are deleted after `expires_at`.

    It has reached `cursor` of the type `types[at_type]`: what comes before lies in `files`, each with `name`, `type`, `count`,
    `size` and `sha256`. After a crash another process goes on from there. `done` counts the resources written.
    `realm` is that of the account that ordered it. `revision` is the directory's revision before it was read for the first time.
    """

    __tablename__ = "fhir_exports"

    realm: Mapped[str] = mapped_column(String(40))
    asked: Mapped[str] = mapped_column(Text)
    types: Mapped[list[str]] = mapped_column(JSON)
    since: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    at_type: Mapped[int] = mapped_column(Integer)
    cursor: Mapped[str | None] = mapped_column(Text)
    done: Mapped[int] = mapped_column(Integer)
    files: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    revision: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
