"""Proving again that the caller is the account's owner, with the password or a code."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.credentials.passwords import check_own_password
from services.identity.registry.actors import caller_of
from services.identity.second_factor import codes
from services.identity.second_factor.handlers import check_own_code
from services.identity.secrets.calls import take_secret
from services.identity.sessions.models import LoginSession


def prove(call: Call) -> Any:
    """Check the caller's code, or the password where there is no second factor, and set the session's `proven_at`.

    Raises Refused(proof_refused, too_many_requests, invalid_request).
    """
    password, code = take_secret(call, "password"), take_secret(call, "code")
    caller = call.caller
    assert caller is not None  # noqa: S101 - the operation's declaration lets nobody in without a passport
    with call.runtime.database.reading(caller.organisation_id) as session:
        has_factor = codes.confirmed_factor(session, caller.id) is not None
    if has_factor:
        if code is None:
            raise Refused("invalid_request", "code: give a code of your second factor.", field="code")
        check_own_code(call, code)
    else:
        if password is None:
            raise Refused("invalid_request", "password: give your password.", field="password")
        check_own_password(call, password)
    return call.commit(_note_proof)


def _note_proof(unit: UnitOfWork) -> dict[str, Any]:
    caller = caller_of(unit)
    unit.session.execute(
        update(LoginSession).where(LoginSession.id == caller.session_id).values(proven_at=unit.now),
        execution_options={"synchronize_session": False},
    )
    unit.audit("session.proven", "account", caller.id, session_id=caller.session_id)
    return {"proven_at": unit.now}
