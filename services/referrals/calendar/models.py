"""The time zone in which an organisation's days begin and end."""

from __future__ import annotations

import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from services.chassis.models import TenantScoped, UtcDateTime
from services.referrals.models import Base


class ReportSettings(TenantScoped, Base):
    """An organisation's settings for reports: the time zone in which its days begin and end."""

    __tablename__ = "report_settings"

    organisation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    time_zone: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[datetime.datetime] = mapped_column(UtcDateTime)
