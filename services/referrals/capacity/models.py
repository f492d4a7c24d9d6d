"""Tables of capacity: lines, which count; terms, which say how much a line has and when; changes, the history."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import JsonValue, TenantScoped, UtcDateTime
from services.referrals.models import Base


class Line(TenantScoped, Base):
    """One line of a program's capacity: the counter. `free` is never stored, so `used + free = total` always holds.

    `term_id` names the term in effect, None where there is none; until `settles_at` no time-driven change is due. `held`
    counts the referrals that hold a place, in both modes. `used` equals `held` in mode "occupancy"; in mode "period" it
    counts the places taken in the window. `planned_total` is the term's total; `total` is higher while more places than
    that are taken. The first line of a program has the program's id, so it cannot be created twice.
    """

    __tablename__ = "capacity_lines"
    __table_args__ = (
        # A second safeguard: the code never breaks these either.
        CheckConstraint("used >= 0 AND used <= total", name="used_within_total"),
        CheckConstraint("held >= 0", name="held_not_negative"),
        CheckConstraint("mode <> 'occupancy' OR used = held", name="occupied_is_held"),
        Index(None, "organisation_id", "program_id", "position"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # The loop that settles lines works across organisations and needs the key for its events.
    organisation_key: Mapped[str | None] = mapped_column(String(64))
    program_id: Mapped[str] = mapped_column(ForeignKey("resources.id"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(80))
    target_population: Mapped[str | None] = mapped_column(String(200))
    term_id: Mapped[str | None] = mapped_column(String(32))
    mode: Mapped[str] = mapped_column(String(16))
    total: Mapped[int] = mapped_column(Integer)
    planned_total: Mapped[int] = mapped_column(Integer)
    used: Mapped[int] = mapped_column(Integer)
    held: Mapped[int] = mapped_column(Integer)
    window_started_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    settles_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)
    reminds_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime, index=True)
    removed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)


class Term(TenantScoped, Base):
    """A statement about a line: its total and unit, and the time for which they hold. `starts_at` None: from the beginning.

    `named` has the members that a scheduled term states, None for all of them. Until it begins, the others follow the line.
    `said_by` and `said_by_realm` name its author, who is the author of its taking effect, too; None where that is not known.
    `used` and `window_started_at` keep the count of a term in mode "period" that another term has replaced. A term is
    closed when it is cancelled or over.
    """

    __tablename__ = "capacity_terms"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    line_id: Mapped[str] = mapped_column(ForeignKey("capacity_lines.id"), index=True)
    starts_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    total: Mapped[int] = mapped_column(Integer)
    unit: Mapped[str] = mapped_column(String(40))
    mode: Mapped[str] = mapped_column(String(16))
    period: Mapped[str | None] = mapped_column(String(16))
    time_zone: Mapped[str] = mapped_column(String(64))
    note: Mapped[str | None] = mapped_column(String(500))
    valid_until: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    has_waitlist: Mapped[bool] = mapped_column(Boolean)
    needs_assessment: Mapped[bool] = mapped_column(Boolean)
    named: Mapped[Any] = mapped_column(JsonValue, nullable=True)
    used: Mapped[int] = mapped_column(Integer, default=0)
    window_started_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    said_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    said_by: Mapped[str | None] = mapped_column(String(64))
    said_by_realm: Mapped[str | None] = mapped_column(String(20))
    version: Mapped[int] = mapped_column(Integer, default=1)


class Change(TenantScoped, Base):
    """One change of a line: its author and time, and the line's numbers after it. Append-only."""

    __tablename__ = "capacity_changes"
    __table_args__ = (
        UniqueConstraint("line_id", "position"),
        Index(None, "organisation_id", "program_id", "at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    line_id: Mapped[str] = mapped_column(ForeignKey("capacity_lines.id"))
    program_id: Mapped[str] = mapped_column(ForeignKey("resources.id"))
    position: Mapped[int] = mapped_column(Integer)
    at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(16))
    term_id: Mapped[str | None] = mapped_column(String(32))
    total: Mapped[int] = mapped_column(Integer)
    planned_total: Mapped[int] = mapped_column(Integer)
    used: Mapped[int] = mapped_column(Integer)
    unit: Mapped[str] = mapped_column(String(40))
    mode: Mapped[str] = mapped_column(String(16))
    period: Mapped[str | None] = mapped_column(String(16))
    time_zone: Mapped[str] = mapped_column(String(64))
    note: Mapped[str | None] = mapped_column(String(500))
    valid_until: Mapped[datetime.datetime | None] = mapped_column(UtcDateTime)
    has_waitlist: Mapped[bool] = mapped_column(Boolean)
    needs_assessment: Mapped[bool] = mapped_column(Boolean)
    status: Mapped[str] = mapped_column(String(40))
    actor_realm: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[str] = mapped_column(String(64))
    # The account has not signed in, but used the link of a mail.
    by_link: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())


class CapacitySettings(TenantScoped, Base):
    """An organisation's settings for capacity. Without a row the defaults of `settings.py` hold."""

    __tablename__ = "capacity_settings"

    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    is_on: Mapped[bool] = mapped_column(Boolean, default=True)
    remind_hours: Mapped[int] = mapped_column(Integer, default=24)
    confirm_after_days: Mapped[int | None] = mapped_column(Integer)
