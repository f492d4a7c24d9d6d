"""An account's own choices: read, saved, and asked before each message."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.database import held_or_made
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.notifications.unsubscribe_links import DAILY_DIGEST
from services.notifications.preferences import rules
from services.notifications.preferences.models import MessagePreferences

_USUAL: dict[str, Any] = {
    "version": 1,
    "switched_off": [],
    "digested": [],
    "texted": [],
    "digest_at": datetime.time(8),
    "quiet_from": None,
    "quiet_until": None,
}


def get_my_message_preferences(session: Session, caller: Caller, usual_zone: str) -> dict[str, Any]:
    """What the caller has chosen; `usual_zone` is the organisation's, for those who have chosen nothing."""
    row = of_account(session, caller.id)
    if row is None:
        return {"groups": list(rules.groups_for(str(caller.realm))), **_USUAL, "time_zone": usual_zone}
    return _view(caller, row)


def of_account(session: Session, account_id: str) -> MessagePreferences | None:
    """What an account has chosen; None: nothing."""
    return session.scalars(
        select(MessagePreferences).where(MessagePreferences.account_id == account_id)
    ).one_or_none()


def set_my_message_preferences(
    unit: UnitOfWork,
    caller: Caller,
    *,
    switched_off: list[str],
    digested: list[str],
    texted: list[str],
    digest_at: datetime.time,
    quiet_from: datetime.time | None,
    quiet_until: datetime.time | None,
    time_zone: str,
) -> dict[str, Any]:
    """Keep the caller's choices. Raises Refused `invalid_request` for quiet hours with one end, and `version_conflict`."""
    if (quiet_from is None) != (quiet_until is None):
        member = "quiet_until" if quiet_until is None else "quiet_from"
        raise Refused("invalid_request", f"{member}: Quiet hours have a beginning and an end.", member)
    key = {"organisation_id": unit.organisation_id, "account_id": caller.id}
    row = held_or_made(unit.session, MessagePreferences, key, _fresh(time_zone))
    unit.honour_version(row)
    row.version += 1
    row.switched_off, row.digested = sorted(set(switched_off)), sorted(set(digested))
    row.texted, row.digest_at = sorted(set(texted)), digest_at
    row.quiet_from, row.quiet_until, row.time_zone = quiet_from, quiet_until, time_zone
    unit.audit(
        "message_preferences.saved",
        "account",
        caller.id,
        switched_off=row.switched_off,
        digested=row.digested,
        texted=row.texted,
    )
    return _view(caller, row)


def switch_off(unit: UnitOfWork, account_id: str, group: str, usual_zone: str) -> None:
    """Switch a group off for an account; DAILY_DIGEST: all that the account's summary of the day tells."""
    key = {"organisation_id": unit.organisation_id, "account_id": account_id}
    row = held_or_made(unit.session, MessagePreferences, key, _fresh(usual_zone))
    groups = row.digested if group == DAILY_DIGEST else [group]
    row.version += 1
    row.switched_off = sorted({*row.switched_off, *groups})
    row.digested = sorted(set(row.digested) - set(groups))
    unit.audit(
        "message_preferences.unsubscribed",
        "account",
        account_id,
        switched_off=row.switched_off,
        digested=row.digested,
    )


def _fresh(time_zone: str) -> dict[str, Any]:
    return {"id": wire.new_id(), **_USUAL, "time_zone": time_zone}


def _view(caller: Caller, row: MessagePreferences) -> dict[str, Any]:
    chosen = {name: getattr(row, name) for name in (*_USUAL, "time_zone")}
    return {"groups": list(rules.groups_for(str(caller.realm))), **chosen}
