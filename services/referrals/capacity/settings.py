"""How an organisation works with capacity."""

from __future__ import annotations

from sqlalchemy.orm import Session

from services.referrals.capacity.models import CapacitySettings

REMIND_HOURS = 24


def settings_of(session: Session, organisation_id: str | None) -> CapacitySettings:
    """How the organisation works with capacity; the defaults where nobody has said."""
    kept = session.get(CapacitySettings, organisation_id)
    return kept or CapacitySettings(is_on=True, remind_hours=REMIND_HOURS, confirm_after_days=None)
