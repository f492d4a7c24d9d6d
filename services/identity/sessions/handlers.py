"""Ending sessions: by their owner, by staff, or because something else has changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity.sessions import session_ended
from services.identity.realms import granting
from services.identity.registry.accounts import load_account
from services.identity.registry.actors import caller_of
from services.identity.registry.statements import rows_changed
from services.identity.sessions.models import LoginSession, MailLink


def log_out(unit: UnitOfWork) -> dict[str, Any]:
    """End the caller's session."""
    caller = caller_of(unit)
    statement = (
        update(LoginSession)
        .where(
            LoginSession.id == caller.session_id,
            LoginSession.account_id == caller.id,
            LoginSession.ended_at.is_(None),
        )
        .values(ended_at=unit.now, end_reason="logged_out")
    )
    unit.session.execute(statement, execution_options={"synchronize_session": False})
    unit.audit("session.ended", "account", caller.id, session_id=caller.session_id)
    _tell(unit, caller.id)
    return {}


def end_sessions(unit: UnitOfWork, account_id: str, reason: str, *, but: str | None = None) -> int:
    """End all sessions of an account (except `but`): the next request of each is refused. Answers how many."""
    ended = rows_changed(
        unit.session,
        update(LoginSession)
        .where(
            LoginSession.account_id == account_id,
            LoginSession.ended_at.is_(None),
            LoginSession.id != (but or ""),
        )
        .values(ended_at=unit.now, end_reason=reason),
    )
    if ended:
        _tell(unit, account_id)
    return ended


def void_mail_links(unit: UnitOfWork, account_id: str) -> None:
    """End the links of an account for good: they stay ended when it is enabled again."""
    unit.session.execute(
        update(MailLink)
        .where(MailLink.account_id == account_id, MailLink.void_at.is_(None))
        .values(void_at=unit.now),
        execution_options={"synchronize_session": False},
    )


def end_mine(unit: UnitOfWork, *, session_id: str) -> dict[str, Any]:
    """End one of the caller's sessions. Raises Refused(not_found)."""
    caller = caller_of(unit)
    _end_one(unit, caller.id, session_id, "ended_by_owner")
    return {}


def end_my_others(unit: UnitOfWork) -> dict[str, Any]:
    """End all of the caller's sessions but this one; answers how many."""
    caller = caller_of(unit)
    ended = end_sessions(unit, caller.id, "ended_by_owner", but=caller.session_id)
    unit.audit("session.others_ended", "account", caller.id, count=ended)
    return {"ended": ended}


def end_of_account(unit: UnitOfWork, *, account_id: str, session_id: str | None) -> dict[str, Any]:
    """End an account's sessions, or one of them; answers how many. Raises Refused(not_found, right_not_held)."""
    account = load_account(unit, account_id)
    granting.require_account_held(unit, account)
    if session_id is not None:
        _end_one(unit, account.id, session_id, "ended_by_staff")
        return {"ended": 1}
    ended = end_sessions(unit, account.id, "ended_by_staff")
    unit.audit("session.all_ended", "account", account.id, count=ended)
    return {"ended": ended}


def _end_one(unit: UnitOfWork, account_id: str, session_id: str, reason: str) -> None:
    ended = rows_changed(
        unit.session,
        update(LoginSession)
        .where(
            LoginSession.id == session_id,
            LoginSession.account_id == account_id,
            LoginSession.ended_at.is_(None),
        )
        .values(ended_at=unit.now, end_reason=reason),
    )
    if ended != 1:
        raise Refused("not_found", "There is no such session that holds.", field="session_id")
    unit.audit("session.ended", "account", account_id, session_id=session_id)
    _tell(unit, account_id)


def _tell(unit: UnitOfWork, account_id: str) -> None:
    unit.publish(session_ended, account_id, {"account_id": account_id})
