"""Tables of the reports. All but the samples of capacity can be rebuilt from referrals and history (`reports.rebuild`).

The tables that grow with every change hold numbers only, because statistics of a year read millions of their rows. Only their
cell names the organisation, so every query of them joins the cell.
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

# SQLite has autoincrement only for a plain INTEGER.
_Serial = BigInteger().with_variant(Integer, "sqlite")


class ReportCell(TenantScoped, Base):
    """A combination by which referrals are counted: a queue, a program and a status, under one small id."""

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
    """Where one referral is counted now, with the days of its beginning and end for the statistics.

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
    """One move of a referral to another status, and the class of duration of its stay at the first. Append-only."""

    __tablename__ = "report_moves"
    __table_args__ = (Index(None, "left_cell_id", "day"), Index(None, "day"))

    id: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    left_cell_id: Mapped[int] = mapped_column(ForeignKey("report_cells.id"))
    entered_cell_id: Mapped[int] = mapped_column(ForeignKey("report_cells.id"))
    day: Mapped[int] = mapped_column(Integer)
    duration_class: Mapped[int] = mapped_column(SmallInteger)


class ReportWeek(Base):
    """The sum of all moves of a cell up to the end of a week, for weeks in which it had one (see `tallying`).

    So the moves between two weeks are the difference of two rows. `left_classes` is a histogram (see `histograms`).
    """

    __tablename__ = "report_weeks"

    cell_id: Mapped[int] = mapped_column(ForeignKey("report_cells.id"), primary_key=True, autoincrement=False)
    week: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    entered: Mapped[int] = mapped_column(Integer)
    left_classes: Mapped[bytes] = mapped_column(LargeBinary)


class ReportDay(TenantScoped, Base):
    """The moves of one day into and out of one status, of all programs of an organisation together (see `tallying`)."""

    __tablename__ = "report_days"

    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    status: Mapped[str] = mapped_column(String(64), primary_key=True)
    entered: Mapped[int] = mapped_column(Integer)
    left_classes: Mapped[bytes] = mapped_column(LargeBinary)


class ReportProgress(Base):
    """The progress of tallying and of rebuilding, in one row (id 1).

    `tallied_week` is the last week that is in ReportWeek and ReportDay, null while there is none. While the reports are being
    rebuilt (see `rebuild`), `rebuilding` is the present part and `rebuilt_to` its progress: a referral's id, or a day.
    """

    __tablename__ = "report_progress"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    tallied_week: Mapped[int | None] = mapped_column(Integer)
    rebuilding: Mapped[str | None] = mapped_column(String(10))
    rebuilt_to: Mapped[str | None] = mapped_column(String(32))


class ReportCount(Base):
    """The number of referrals at a cell as of the last folding. Later changes are in ReportDelta.

    `open` counts those that have not ended. A withdrawn referral stays at its last status, which may be an open one.
    """

    __tablename__ = "report_counts"

    cell_id: Mapped[int] = mapped_column(ForeignKey("report_cells.id"), primary_key=True, autoincrement=False)
    total: Mapped[int] = mapped_column(Integer)
    open: Mapped[int] = mapped_column(Integer)
    waiting: Mapped[int] = mapped_column(Integer)
    urgent: Mapped[int] = mapped_column(Integer)


class ReportDelta(Base):
    """One more or one less at a cell, appended by each change, so that changes do not wait for a shared counter."""

    __tablename__ = "report_deltas"

    id: Mapped[int] = mapped_column(_Serial, primary_key=True, autoincrement=True)
    cell_id: Mapped[int] = mapped_column(ForeignKey("report_cells.id"))
    total: Mapped[int] = mapped_column(SmallInteger)
    open: Mapped[int] = mapped_column(SmallInteger)
    waiting: Mapped[int] = mapped_column(SmallInteger)
    urgent: Mapped[int] = mapped_column(SmallInteger)


class ReportCapacityDay(TenantScoped, Base):
    """The use of a program's capacity on one day, as sums over its samples: use = used_sum / total_sum.

    `unit` is the case-folded unit of the places: beds are not added to pickups. It is "" where it was not noted.
    """

    __tablename__ = "report_capacity_days"

    program_id: Mapped[str] = mapped_column(ForeignKey("resources.id"), primary_key=True)
    day: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    unit: Mapped[str] = mapped_column(String(40), primary_key=True)
    samples: Mapped[int] = mapped_column(Integer)
    total_sum: Mapped[int] = mapped_column(BigInteger)
    used_sum: Mapped[int] = mapped_column(BigInteger)
