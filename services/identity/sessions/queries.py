"""Questions about sessions that hold."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.identity.registry.accounts import find_account
from services.identity.sessions.models import LoginSession


def list_mine(session: Session, caller: Caller) -> dict[str, Any]:
    """The caller's sessions that hold, newest first."""
    return _list(session, caller.id, caller.session_id)


def list_of_account(session: Session, caller: Caller, *, account_id: str) -> dict[str, Any]:
    """An account's sessions that hold. Raises Refused(not_found)."""
    return _list(session, find_account(session, account_id).id, caller.session_id)


def _list(session: Session, account_id: str, current_id: str | None) -> dict[str, Any]:
    rows = session.scalars(
        select(LoginSession)
        .where(
            LoginSession.account_id == account_id,
            LoginSession.ended_at.is_(None),
            LoginSession.expires_at > utc_now(),
        )
        .order_by(LoginSession.created_at.desc(), LoginSession.id)
        .limit(200)
    ).all()
    return {
        "items": [
            {
                "id": row.id,
                "created_at": row.created_at,
                "last_seen_at": row.last_seen_at,
                "expires_at": row.expires_at,
                "is_current": row.id == current_id,
            }
            for row in rows
        ]
    }
