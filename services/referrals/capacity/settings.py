"""Settings of an organisation for capacity."""

from __future__ import annotations

from sqlalchemy.orm import Session

from services.referrals.capacity.models import CapacitySettings

REMIND_HOURS = 24


def settings_of(session: Session, organisation_id: str | None) -> CapacitySettings:
    """The organisation's settings for capacity; the defaults where none are stored."""
    kept = session.get(CapacitySettings, organisation_id)
    return kept or CapacitySettings(is_on=True, remind_hours=REMIND_HOURS, confirm_after_days=None)
