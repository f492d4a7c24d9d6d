"""Tables of patients' portal access."""

from __future__ import annotations

import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, false, true
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime, hangs_on
from services.identity.models import Base


class PatientRecord(TenantScoped, Base):
    """How a patient came to the portal. `origin`: `staff` or `registered` (the electronic form)."""

    __tablename__ = "patient_records"
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), primary_key=True)
    origin: Mapped[str] = mapped_column(String(20))
    manual_credentials_set_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class PatientSettings(TenantScoped, Base):
    """What an organisation has set for its patients."""

    __tablename__ = "patient_settings"
    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    enables_automatically: Mapped[bool] = mapped_column(Boolean)
    # What the registration form asks for beside what it has to.
    asks_address: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    asks_insurance: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    version: Mapped[int] = mapped_column(Integer, default=1)


class UnverifiedNotice(TenantScoped, Base):
    """An address that gets the message "could not be verified". An event cannot carry it. The row is deleted soon."""

    __tablename__ = "unverified_notices"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    email: Mapped[str] = mapped_column(String(254), info=hangs_on("people.email"))
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime, index=True)
    taken_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class PatientJob(TenantScoped, Base):
    """A request to enable or invite many patients."""

    __tablename__ = "patient_jobs"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    requested_by: Mapped[str] = mapped_column(String(32))
    is_attested: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)


class PatientJobItem(TenantScoped, Base):
    """One patient of a job. `state` is waiting, done or failed; `reason` and `field` say why it failed."""

    __tablename__ = "patient_job_items"
    __table_args__ = (Index(None, "job_id", "state"),)
    job_id: Mapped[str] = mapped_column(ForeignKey("patient_jobs.id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(32), primary_key=True, index=True)
    state: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(64))
    field: Mapped[str | None] = mapped_column(String(64))
