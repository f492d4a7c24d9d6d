"""An organisation's choices about notices: read and saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import built_once, held_or_made
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.notifications.notices import TOPICS
from services.contracts.notifications.preferences import GROUPS
from services.notifications.notices.models import NoticeSettings
from services.notifications.notices.rules import CONFIRM_MINUTES, DAYS, HOURS, Choices


def get_notice_settings(session: Session, _caller: Caller | None) -> dict[str, Any]:
    """The choices as they stand."""
    row = session.scalars(select(NoticeSettings)).one_or_none()
    return _view(choices_of(session), 1 if row is None else row.version)


# Built once: it is asked with every message that an event makes.
_OWN = built_once(select(NoticeSettings))


def choices_of(session: Session) -> Choices:
    """The choices of the session's organisation."""
    row = session.scalars(_OWN).one_or_none()
    if row is None:
        return Choices(TOPICS)
    told = {**TOPICS, **row.told}
    return Choices(
        told,
        row.management_role_id,
        row.reminder_days,
        row.reminder_hours,
        row.confirmed_by,
        row.confirm_minutes,
    )


def set_notice_settings(
    unit: UnitOfWork,
    *,
    told: Mapping[str, Any],
    management_role_id: str | None,
    reminder_days: list[int],
    reminder_hours: int | None,
    confirmed_by: Mapping[str, Any],
    confirm_minutes: int,
) -> dict[str, Any]:
    """Save the choices. Raises Refused `version_required`, `version_conflict`."""
    usual = {"version": 1, "told": {}, "reminder_days": list(DAYS), "reminder_hours": HOURS}
    usual |= {"confirmed_by": {}, "confirm_minutes": CONFIRM_MINUTES}
    key = {"organisation_id": unit.organisation_id}
    row = held_or_made(unit.session, NoticeSettings, key, {"id": wire.new_id(), **usual})
    unit.require_version(row)
    row.told = {topic: sorted(set(audiences)) for topic, audiences in told.items()}
    row.management_role_id = management_role_id
    row.reminder_days, row.reminder_hours = sorted(set(reminder_days)), reminder_hours
    row.confirmed_by, row.confirm_minutes = dict(sorted(confirmed_by.items())), confirm_minutes
    row.version += 1
    unit.audit("notice_settings.saved", "notice_settings", row.id, version=row.version)
    return _view(choices_of(unit.session), row.version)


def _view(choices: Choices, version: int) -> dict[str, Any]:
    return {
        "version": version,
        "told": {topic: list(audiences) for topic, audiences in choices.told.items()},
        "management_role_id": choices.management_role_id,
        "reminder_days": list(choices.reminder_days),
        "reminder_hours": choices.reminder_hours,
        "groups": list(GROUPS),
        "confirmed_by": dict(choices.confirmed_by),
        "confirm_minutes": choices.confirm_minutes,
    }
