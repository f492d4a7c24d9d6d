"""Tables of the reports. All of it can be computed again from the referrals and their history (`reports.rebuild`).

The tables that grow with every change hold numbers only: a question about a year reads millions of their rows. They name
their organisation through the cell alone, so they are never read without joining it.
"""

from __future__ import annotations

import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.referrals.models import Base

# SQLite counts up by itself only for a plain INTEGER.
_Serial = BigInteger().with_variant(Integer, "sqlite")


class ReportCell(TenantScoped, Base):
    """What referrals are counted by: a queue, a program and a status, as one small number."""

    __tablename__ = "report_cells"
    __table_args__ = (
        UniqueConstraint("queue_id", "program_id", "status"),
        Index(None, "organisation_id", "program_id"),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    queue_id: Mapped[str] = mapped_column(ForeignKey("queues.id"))
    program_id: Mapped[str] = mapped_column(ForeignKey("resources.id"))
    status: Mapped[str] = mapped_column(String(64))


class ReportPlace(Base):
    """Where one referral is counted now, and for the statistics the days of its beginning and end.

    `is_waiting` and `is_urgent` are false once the referral has ended; `ended_day` is null while it is open.
    """

    __tablename__ = "report_places"
    __table_args__ = (Index(None, "cell_id", "assigned_day"), Index(None, "cell_id", "ended_day"))

    referral_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    cell_id: Mapped[int] = mapped_column(ForeignKey("report_cells.id"))
    since: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
    is_waiting: Mapped[bool] = mapped_column(Boolean)
    is_urgent: Mapped[bool] = mapped_column(Boolean)
    assigned_day: Mapped[int] = mapped_column(Integer)
    ended_day: Mapped[int | None] = mapped_column(Integer)
    ended_by: Mapped[str | None] = mapped_column(String(10))
    outcome_code: Mapped[str | None] = mapped_column(String(64))
    reason_code: Mapped[str | None] = mapped_column(String(64))


class ReportMove(Base):
    """A referral has left one status for another: how long it had stayed, as a class of duration. Append-only."""

    __tablename__ = "report_moves"
    __table_args__ = (Index(None, "left_cell_id", "day"), Index(None, "day"))

    id: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    left_cell_id: Mapped[int] = mapped_column(ForeignKey("report_cells.id"))
    entered_cell_id: Mapped[int] = mapped_column(ForeignKey("report_cells.id"))
    day: Mapped[int] = mapped_column(Integer)
    duration_class: Mapped[int] = mapped_column(SmallInteger)


class ReportWeek(Base):
    """What moves a cell has seen from the very first to the end of a week in which there was one (see `tallying`).

    So what happened between two weeks is the difference of two rows. `left_classes` is a histogram (see `histograms`).
    """

    __tablename__ = "report_weeks"

    cell_id: Mapped[int] = mapped_column(ForeignKey("report_cells.id"), primary_key=True, autoincrement=False)
    week: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    entered: Mapped[int] = mapped_column(Integer)
    left_classes: Mapped[bytes] = mapped_column(LargeBinary)


class ReportDay(TenantScoped, Base):
    """The moves of one day, in and out of one status, at all programs of an organisation together (see `tallying`)."""

    __tablename__ = "report_days"

    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    status: Mapped[str] = mapped_column(String(64), primary_key=True)
    entered: Mapped[int] = mapped_column(Integer)
    left_classes: Mapped[bytes] = mapped_column(LargeBinary)


class ReportProgress(Base):
    """How far the reports' own work has come, in one row (id 1).

    `tallied_week` is the last week that is in ReportWeek and ReportDay, null while there is none. While the reports are rebuilt
    (see `rebuilding`), `rebuilding` says which part is done now and `rebuilt_to` how far it is: a referral's id, or a day.
    """

    __tablename__ = "report_progress"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    tallied_week: Mapped[int | None] = mapped_column(Integer)
    rebuilding: Mapped[str | None] = mapped_column(String(10))
    rebuilt_to: Mapped[str | None] = mapped_column(String(32))


class ReportCount(Base):
    """How many referrals stand at a cell, up to the last folding. The changes since are in ReportDelta.

    `open` are those that have not ended: a withdrawn referral stays at its last status, which may be an open one.
    """

    __tablename__ = "report_counts"

    cell_id: Mapped[int] = mapped_column(ForeignKey("report_cells.id"), primary_key=True, autoincrement=False)
    total: Mapped[int] = mapped_column(Integer)
    open: Mapped[int] = mapped_column(Integer)
    waiting: Mapped[int] = mapped_column(Integer)
    urgent: Mapped[int] = mapped_column(Integer)


class ReportDelta(Base):
    """One more or one less at a cell, appended by the change itself: nobody waits for a counter that others hold."""

    __tablename__ = "report_deltas"

    id: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    cell_id: Mapped[int] = mapped_column(ForeignKey("report_cells.id"))
    total: Mapped[int] = mapped_column(SmallInteger)
    open: Mapped[int] = mapped_column(SmallInteger)
    waiting: Mapped[int] = mapped_column(SmallInteger)
    urgent: Mapped[int] = mapped_column(SmallInteger)


class ReportCapacityDay(TenantScoped, Base):
    """How full a program was on one day: sums over the samples taken, so that use = used_sum / total_sum."""

    __tablename__ = "report_capacity_days"

    program_id: Mapped[str] = mapped_column(ForeignKey("resources.id"), primary_key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    samples: Mapped[int] = mapped_column(Integer)
    total_sum: Mapped[int] = mapped_column(BigInteger)
    used_sum: Mapped[int] = mapped_column(BigInteger)
