"""An organisation's choices about channels: read and saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import held_or_made
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.contracts.notifications.channels import CHANNELS, LEAST_DAYS
from services.notifications.channels.models import ChannelSettings, ClientMessages


def get_channel_settings(session: Session, _caller: Caller, settings: Any) -> dict[str, Any]:
    """The choices as they stand."""
    return _view(session, session.scalars(select(ChannelSettings)).one_or_none(), settings)


def set_channel_settings(unit: UnitOfWork, settings: Any, *, kept_days: Mapping[str, Any]) -> dict[str, Any]:
    """Save the choices. Raises Refused `kept_too_long`, `version_required`, `version_conflict`."""
    most = settings.deliveries_kept_days
    too_long = sorted(channel for channel, days in kept_days.items() if days > most)
    if too_long:
        raise Refused(
            "kept_too_long",
            f"The installation keeps messages for {most} days. Enter {LEAST_DAYS} to {most}.",
            f"kept_days.{too_long[0]}",
        )
    key = {"organisation_id": unit.organisation_id}
    row = held_or_made(
        unit.session, ChannelSettings, key, {"id": wire.new_id(), "version": 1, "kept_days": {}}
    )
    unit.require_version(row)
    row.kept_days = dict(sorted(kept_days.items()))
    row.version += 1
    unit.audit("channel_settings.saved", "channel_settings", row.id, version=row.version)
    return _view(unit.session, row, settings)


def _view(session: Session, row: ChannelSettings | None, settings: Any) -> dict[str, Any]:
    most = settings.deliveries_kept_days
    chosen = row.kept_days if row is not None else {}
    today = select(ClientMessages.made).where(ClientMessages.on_day == utc_now().date())
    return {
        "version": 1 if row is None else row.version,
        # The installation may keep less by now than an organisation once chose.
        "kept_days": {channel: min(chosen.get(channel, most), most) for channel in CHANNELS},
        "least_days": LEAST_DAYS,
        "most_days": most,
        "client_messages_today": session.scalar(today) or 0,
        "client_messages_a_day": settings.client_messages_a_day,
    }
