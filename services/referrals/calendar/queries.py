"""Queries about an organisation's days: its time zone, and its present day."""

from __future__ import annotations

import datetime

from sqlalchemy.orm import Session

from services.referrals.calendar.models import ReportSettings
from services.referrals.calendar.rules import DEFAULT_ZONE, local_day


def time_zone_of(session: Session, organisation_id: str | None) -> str:
    """The time zone in which an organisation's days begin and end; UTC where none is set."""
    row = session.get(ReportSettings, organisation_id) if organisation_id else None
    return row.time_zone if row else DEFAULT_ZONE


def today_of(session: Session, now: datetime.datetime) -> datetime.date:
    """The day at `now` in the time zone of the session's organisation."""
    return local_day(now, time_zone_of(session, session.info["organisation_id"]))
