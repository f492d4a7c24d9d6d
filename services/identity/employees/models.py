"""Tables of employees: employments, applicants, and settings of entry to their portals."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.identity.models import Base


class Employment(TenantScoped, Base):
    """A person's employment. `employee_number` is HR's number of the person; `source` is `hr` where the feed keeps it.

    An employment is ended, and deleted only with an erased person: `ended_at` is set when the feed no longer names the
    number or says that it is not active.
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
    """A person who applies for work, and the department that the person is in until it is hired."""

    __tablename__ = "applicants"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("people.id"), unique=True)
    department: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class PortalEntry(TenantScoped, Base):
    """The roles that may use a realm's portal, and what its users edit. Without a row `rules.Entry` has the defaults."""

    __tablename__ = "portal_entries"
    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    realm: Mapped[str] = mapped_column(String(20), primary_key=True)
    allowed_roles: Mapped[Any] = mapped_column(JsonValue)
    editable_fields: Mapped[Any] = mapped_column(JsonValue)
    changes_are_requests: Mapped[bool] = mapped_column(Boolean, server_default=false())
    opens_accounts: Mapped[bool] = mapped_column(Boolean)
    applicant_department: Mapped[str] = mapped_column(String(100))
    version: Mapped[int] = mapped_column(Integer, default=1)
