"""Tables of employees: employments, applicants, settings of their portals, pick-up codes, the HR feed's imports."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.identity.models import Base


class Employment(TenantScoped, Base):
    """A person's employment. `employee_number` is how HR knows the person; `source` is `hr` where the feed keeps it.

    Ended, never deleted: `ended_at` is set when the feed stops naming the number or says that it is not active.
    """

    __tablename__ = "employments"
    __table_args__ = (
        UniqueConstraint("organisation_id", "employee_number"),
        Index(None, "organisation_id", "manager_number"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), unique=True)
    employee_number: Mapped[str] = mapped_column(String(40))
    department: Mapped[str | None] = mapped_column(String(100))
    employer: Mapped[str | None] = mapped_column(String(100))
    manager_number: Mapped[str | None] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)


class Applicant(TenantScoped, Base):
    """A person who applies, and the department that holds such people until one is hired."""

    __tablename__ = "applicants"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), unique=True)
    department: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class Preferences(TenantScoped, Base):
    """What people say about themselves in a portal. The security question is kept, and proves nothing (NIST)."""

    __tablename__ = "person_preferences"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), unique=True)
    security_question: Mapped[str | None] = mapped_column(String(200))
    preferred_language: Mapped[str | None] = mapped_column(String(40))
    preferred_time_zone: Mapped[str | None] = mapped_column(String(60))
    preferred_pharmacy: Mapped[str | None] = mapped_column(String(200))


class PortalEntry(TenantScoped, Base):
    """Who gets into the portal of a realm, and what they may edit there. Without a row the defaults of `rules` hold."""

    __tablename__ = "portal_entries"
    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    realm: Mapped[str] = mapped_column(String(20), primary_key=True)
    allowed_roles: Mapped[Any] = mapped_column(JsonValue)
    editable_fields: Mapped[Any] = mapped_column(JsonValue)
    opens_accounts: Mapped[bool] = mapped_column(Boolean)
    applicant_department: Mapped[str] = mapped_column(String(100))
    version: Mapped[int] = mapped_column(Integer, default=1)


class PickupCode(TenantScoped, Base):
    """A code that opens an account once. Only its hash is here. It ends by use, by a newer one, or by time."""

    __tablename__ = "pickup_codes"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    activated_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    void_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    account_id: Mapped[str | None] = mapped_column(ForeignKey("accounts.id"))


class HrImport(TenantScoped, Base):
    """A file of the HR feed: what it would change (`ready`), is changing (`applying`), or has changed (`applied`)."""

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


class HrImportLine(TenantScoped, Base):
    """One difference between a file and what is known: `added`, `changed` or `ended`.

    `columns` are what the file says; `changes` are dicts of field, before, after.
    """

    __tablename__ = "hr_import_lines"
    import_id: Mapped[str] = mapped_column(ForeignKey("hr_imports.id"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    employee_number: Mapped[str] = mapped_column(String(40))
    action: Mapped[str] = mapped_column(String(10))
    person_id: Mapped[str | None] = mapped_column(String(32))
    columns: Mapped[Any] = mapped_column(JsonValue)
    changes: Mapped[Any] = mapped_column(JsonValue)
