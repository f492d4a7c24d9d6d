"""Sessions that people and administrators see and end, the proof that it is still the same person, the own password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.identity import credentials, login, rules
from services.identity.access import codes, second_factor
from services.identity.handlers import load_account, load_organisation
from services.identity.models import Account, LoginSession, Organisation
from services.identity.password_rules import normal_password
from services.identity.passwords import password_matches
from services.identity.queries import find_account
from services.identity.tokens import throttle_key

Request = Mapping[str, Any]


def list_mine(session: Session, caller: Caller, _request: Request) -> dict[str, Any]:
    """The caller's sessions that hold, newest first."""
    return _list(session, caller.id, caller.session_id)


def list_of_account(session: Session, caller: Caller, request: Request) -> dict[str, Any]:
    """An account's sessions that hold. Raises Refused(not_found)."""
    return _list(session, find_account(session, request["account_id"]).id, caller.session_id)


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


def end_mine(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """End one of the caller's sessions. Raises Refused(not_found)."""
    caller = caller_of(unit)
    _end_one(unit, caller.id, request["session_id"], "ended_by_owner")
    return {}


def end_my_others(unit: UnitOfWork, _request: Request) -> dict[str, Any]:
    """End all of the caller's sessions but this one; answers how many."""
    caller = caller_of(unit)
    ended = credentials.end_sessions(unit, caller.id, "ended_by_owner", but=caller.session_id)
    unit.audit("session.others_ended", "account", caller.id, count=ended)
    return {"ended": ended}


def end_of_account(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """End an account's sessions, or one of them; answers how many. Raises Refused(not_found)."""
    account = load_account(unit, request["account_id"])
    if request["session_id"] is not None:
        _end_one(unit, account.id, request["session_id"], "ended_by_staff")
        return {"ended": 1}
    ended = credentials.end_sessions(unit, account.id, "ended_by_staff")
    unit.audit("session.all_ended", "account", account.id, count=ended)
    return {"ended": ended}


def _end_one(unit: UnitOfWork, account_id: str, session_id: str, reason: str) -> None:
    done: CursorResult[Any] = unit.session.execute(  # type: ignore[assignment]
        update(LoginSession)
        .where(
            LoginSession.id == session_id,
            LoginSession.account_id == account_id,
            LoginSession.ended_at.is_(None),
        )
        .values(ended_at=unit.now, end_reason=reason),
        execution_options={"synchronize_session": False},
    )
    if done.rowcount != 1:
        raise Refused("not_found", "There is no such session that holds.", field="session_id")
    unit.audit("session.ended", "account", account_id, session_id=session_id)


def prove(call: Call) -> Any:
    """Check the caller's code, or password where there is no second factor, and note when.

    Raises Refused(proof_refused, too_many_requests, invalid_request).
    """
    password, code = login.take_secret(call, "password"), login.take_secret(call, "code")
    caller = call.caller
    assert caller is not None  # noqa: S101 - the operation's declaration lets nobody in without a passport
    with call.runtime.database.reading(caller.organisation_id) as session:
        has_factor = codes.confirmed_factor(session, caller.id) is not None
    if has_factor:
        if code is None:
            raise Refused("invalid_request", "code: give a code of your second factor.", field="code")
        second_factor.check_own_code(call, code)
    else:
        if password is None:
            raise Refused("invalid_request", "password: give your password.", field="password")
        check_own_password(call, password)
    return call.commit(_note_proof)


def _note_proof(unit: UnitOfWork, _request: Request) -> dict[str, Any]:
    caller = caller_of(unit)
    unit.session.execute(
        update(LoginSession).where(LoginSession.id == caller.session_id).values(proven_at=unit.now),
        execution_options={"synchronize_session": False},
    )
    unit.audit("session.proven", "account", caller.id, session_id=caller.session_id)
    return {"proven_at": unit.now}


def change_password(call: Call) -> Any:
    """Change the caller's password.

    Raises Refused(proof_refused, password_refused, too_many_requests).
    """
    old, new = login.take_secret(call, "password"), login.take_secret(call, "new_password")
    organisation, account = check_own_password(call, old)
    if normal_password(old) == normal_password(new):
        raise Refused(
            "password_refused", "Choose another password than the one before.", field="new_password"
        )
    chosen = login.chosen_password(call, organisation, account, new, field="new_password")
    return call.commit(_set_password, account.password_hash, chosen)


def _set_password(
    unit: UnitOfWork, _request: Request, verified_hash: str | None, chosen: login.Chosen
) -> dict[str, Any]:
    caller = caller_of(unit)
    account = load_account(unit, caller.id)
    if account.password_hash != verified_hash:
        raise _proof_refused()
    credentials.set_password_hash(
        unit, load_organisation(unit), account, chosen.password_hash,
        needs_second_factor=chosen.needs_second_factor, keep_session_id=caller.session_id,
    )  # fmt: skip
    return {}


def check_own_password(call: Call, password: str) -> tuple[Organisation, Account]:
    """The caller's account, if the password is right. Tries count like those of a log-in: it is the same secret.

    Raises Refused(proof_refused, too_many_requests).
    """
    caller = call.caller
    assert caller is not None  # noqa: S101 - as above
    with call.runtime.database.reading(caller.organisation_id) as session:
        account = find_account(session, caller.id)
        organisation = session.scalars(
            select(Organisation).where(Organisation.id == caller.organisation_id)
        ).one()
    key = throttle_key(organisation.key, account.login_space, account.login)
    wait_s = call.transact(
        lambda unit: credentials.count_try(unit, credentials.LOGIN, key, rules.LOGIN_LIMIT)
    )
    if wait_s:
        raise Refused("too_many_requests", "Too many tries. Wait.", retry_after_s=wait_s)
    if not password_matches(password, account.password_hash):
        call.transact(lambda unit: unit.audit("session.proof_refused", "account", caller.id))
        raise _proof_refused()
    call.transact(lambda unit: credentials.forget_tries(unit, organisation, account))
    return organisation, account


def _proof_refused() -> Refused:
    return Refused("proof_refused", "The password is wrong.", field="password")


def caller_of(unit: UnitOfWork) -> Caller:
    """Who acts in this transaction; the operation lets nobody in without a passport."""
    assert unit.caller is not None  # noqa: S101 - as above
    return unit.caller
