"""An organisation's settings of its reports: the time zone in which its days begin and end."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.referrals.calendar.models import ReportSettings
from services.referrals.calendar.queries import time_zone_of
from services.referrals.calendar.rules import check_time_zone


def get_report_settings(session: Session, caller: Caller | None) -> dict[str, Any]:
    """The organisation's settings."""
    return {"time_zone": time_zone_of(session, caller.organisation_id if caller else None)}


def set_report_settings(unit: UnitOfWork, *, time_zone: str) -> dict[str, Any]:
    """Change the settings. Days already stored keep their time zone until the reports are rebuilt.

    Raises Refused `invalid_request`.
    """
    zone = check_time_zone(time_zone)
    row = unit.session.get(ReportSettings, unit.organisation_id, with_for_update=True)
    if row is None:
        row = unit.add(ReportSettings(organisation_id=unit.organisation_id, version=0))
    row.time_zone, row.updated_at = zone, unit.now
    row.version += 1
    unit.audit("report_settings.set", "organisation", unit.organisation_id or "", time_zone=zone)
    return {"time_zone": zone}
