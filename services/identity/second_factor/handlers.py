"""Commands over second factors, and checking a code."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.models import Role
from services.identity.realms import granting, rules
from services.identity.registry.accounts import find_account, load_account
from services.identity.registry.actors import caller_of
from services.identity.registry.organisations import load_organisation
from services.identity.second_factor import codes
from services.identity.secrets.vault import Vault, vault_of
from services.identity.sessions.handlers import end_sessions
from services.identity.sessions.proof import proven_caller


def get_mine(session: Session, caller: Caller) -> dict[str, Any]:
    """The caller's second factor, and whether it is demanded."""
    account = find_account(session, caller.id)
    factor = codes.confirmed_factor(session, account.id)
    return {
        "is_enabled": factor is not None,
        "is_demanded": codes.need_of(session, account).is_demanded,
        "enabled_at": factor.confirmed_at if factor else None,
        "recovery_codes_left": codes.recovery_codes_left(session, account.id) if factor else 0,
    }


def start(unit: UnitOfWork, vault: Vault) -> dict[str, Any]:
    """Begin to set up a second factor. Raises Refused(proof_required, second_factor_is_on)."""
    caller = proven_caller(unit)
    return codes.begin(unit, load_account(unit, caller.id), load_organisation(unit), vault)


def confirm(unit: UnitOfWork) -> dict[str, Any]:
    """Put the second factor into effect. `check_own_code` has checked and used up the code in an earlier transaction."""
    return {"recovery_codes": codes.enable(unit, caller_of(unit).id)}


def renew(unit: UnitOfWork) -> dict[str, Any]:
    """New recovery codes. Raises Refused(proof_required, second_factor_is_off)."""
    caller = proven_caller(unit)
    require_factor(unit.session, caller.id)
    return {"recovery_codes": codes.renew_recovery_codes(unit, caller.id)}


def remove_mine(unit: UnitOfWork) -> dict[str, Any]:
    """Remove the caller's second factor. Raises Refused(proof_required, second_factor_is_off, second_factor_demanded)."""
    caller = proven_caller(unit)
    account = load_account(unit, caller.id)
    require_factor(unit.session, account.id)
    if codes.need_of(unit.session, account).is_demanded:
        raise Refused(
            "second_factor_demanded",
            "Your organisation demands a second factor, or your password is too short to stand alone.",
        )
    codes.remove(unit, account.id, "removed")
    return {}


def reset(unit: UnitOfWork, *, account_id: str) -> dict[str, Any]:
    """Remove the second factor of somebody who has lost it, and end the sessions. Setting up another takes the password.

    Raises Refused(not_found, proof_required, second_factor_is_off, right_not_held).
    """
    proven_caller(unit)
    account = load_account(unit, account_id)
    granting.require_account_held(unit, account)
    require_factor(unit.session, account.id)
    codes.remove(unit, account.id, "reset")
    end_sessions(unit, account.id, "factor_reset")
    return {}


def set_role_demand(unit: UnitOfWork, *, security_level: str, is_required: bool) -> dict[str, Any]:
    """Set whether a security level must have a second factor. To end the demand, the caller must hold what the level permits.

    Raises Refused(not_found, own_rights, right_not_held).
    """
    role = unit.session.scalar(
        select(Role)
        .where(Role.code == security_level, Role.realm.in_(rules.WORKFORCE_REALMS))
        .with_for_update()
    )
    if role is None:
        raise Refused("not_found", "There is no such security level.")
    if role.second_factor_required and not is_required:
        granting.require_not_own_role(unit, role, field="security_level")
        granting.require_role_held(unit, role, field="security_level")
    if role.second_factor_required != is_required:
        role.second_factor_required = is_required
        unit.audit("role.second_factor_changed", "role", role.id, is_required=is_required)
    return {"security_level": role.code, "is_required": role.second_factor_required}


def check_own_code(call: Call, code: str, *, confirms: bool = False) -> None:
    """Use up one of the caller's codes, before the command that needs it. A wrong code stays counted.

    Raises Refused(proof_refused, too_many_requests).
    """
    assert call.caller is not None  # noqa: S101 - the operation's declaration lets nobody in without a passport
    account_id, vault = call.caller.id, vault_of(call.runtime.settings)

    def check(unit: UnitOfWork) -> tuple[bool, int]:
        wait_s = codes.count_code_try(unit, account_id)
        return (False, wait_s) if wait_s else (codes.use(unit, account_id, code, vault, confirms=confirms), 0)

    holds, wait_s = call.transact(check)
    if wait_s:
        raise Refused("too_many_requests", "Too many wrong codes. Wait.", retry_after_s=wait_s)
    if not holds:
        raise Refused("proof_refused", "The code is wrong, too old, or was used before.", field="code")


def require_factor(session: Session, account_id: str) -> None:
    """Raise Refused(second_factor_is_off) for an account without one."""
    if codes.confirmed_factor(session, account_id) is None:
        raise Refused("second_factor_is_off", "There is no second factor.")
