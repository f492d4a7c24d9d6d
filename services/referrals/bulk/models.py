"""Tables of bulk jobs."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.referrals.models import Base

_RUNNING = text("finished_at IS NULL")


class BulkJob(TenantScoped, Base):
    """One bulk job. `wish` holds the ids, codes and flags of the request, `note` the one text in it.

    The loop acts on behalf of the account `requested_by` of `requester_realm`. `is_cancelled` says that waiting lines were
    cancelled: on request, or by the service itself for the reason `stopped_because`.
    """

    __tablename__ = "bulk_jobs"
    __table_args__ = (
        Index("ix_bulk_jobs_newest", "organisation_id", "created_at", "id"),
        Index("ix_bulk_jobs_running", "created_at", sqlite_where=_RUNNING, postgresql_where=_RUNNING),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    organisation_key: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(20))
    wish: Mapped[Any] = mapped_column(JsonValue)
    note: Mapped[str | None] = mapped_column(Text)
    requested_by: Mapped[str] = mapped_column(String(64))
    requester_realm: Mapped[str] = mapped_column(String(40))
    is_cancelled: Mapped[bool] = mapped_column(Boolean, default=False)
    stopped_because: Mapped[str | None] = mapped_column(String(30))
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class BulkJobLine(TenantScoped, Base):
    """One record or referral of a job. `state` is one of `rules.LINE_STATES`; `reason` and `field` tell why it failed."""

    __tablename__ = "bulk_job_lines"
    __table_args__ = (Index(None, "job_id", "state", "position"), UniqueConstraint("job_id", "subject_id"))

    job_id: Mapped[str] = mapped_column(ForeignKey("bulk_jobs.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    subject_id: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(12))
    reason: Mapped[str | None] = mapped_column(String(64))
    field: Mapped[str | None] = mapped_column(String(64))
    referral_id: Mapped[str | None] = mapped_column(String(32))
