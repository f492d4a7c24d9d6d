"""Queries of absences."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.portals.absences import rules
from services.portals.absences.models import Absence
from services.portals.staff_groups.queries import all_groups


def get_my_absence(session: Session, caller: Caller) -> dict[str, Any]:
    """The caller's absence, with who could stand in."""
    row = session.scalars(select(Absence).where(Absence.account_id == caller.id)).one_or_none()
    names = ("from_on", "until_on", "text", "surrogate_id")
    groups = all_groups(session)
    known = {each for group in groups for each in (*group.member_ids, group.supervisor_id) if each}
    return {
        "version": row.version if row else rules.DEFAULT_VERSION,
        **{name: getattr(row, name) if row else None for name in names},
        "colleagues": [{"account_id": each} for each in sorted(known - {caller.id})],
    }


def away_on(session: Session, day: datetime.date) -> dict[str, Absence]:
    """The absences of a day, by account."""
    wanted = select(Absence).where(Absence.until_on >= day, Absence.from_on <= day)
    return {each.account_id: each for each in session.scalars(wanted)}
