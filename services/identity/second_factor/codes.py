"""The codes of a second factor: whether an account has one, checking a code, and using it up. Steps of a transaction."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import second_factor as contract
from services.contracts.spelling import normal_code
from services.identity.models import Account, Organisation, Role
from services.identity.realms import queries as realms
from services.identity.registry.statements import rows_changed
from services.identity.second_factor import rules
from services.identity.second_factor.models import RecoveryCode, SecondFactor
from services.identity.secrets import tries
from services.identity.secrets.models import Throttle
from services.identity.secrets.tokens import token_hash
from services.identity.secrets.vault import Vault

CODE = "code"


@dataclass(frozen=True)
class Need:
    """Whether an account has a second factor, and whether it must have one."""

    is_enabled: bool
    is_demanded: bool


def need_of(session: Session, account: Account) -> Need:
    """What an account needs to log in besides its password.

    A second factor is demanded by the realm, by the role, or because a short password needs one.
    """
    realm_rules = realms.rules_of(session, account.organisation_id, account.realm)
    by_role = session.scalar(select(Role.second_factor_required).where(Role.id == account.role_id))
    demanded = realm_rules.second_factor_required or bool(by_role) or account.password_needs_second_factor
    return Need(confirmed_factor(session, account.id) is not None, demanded)


def confirmed_factor(session: Session, account_id: str) -> SecondFactor | None:
    """The account's second factor if it is in effect."""
    factor: SecondFactor | None = session.scalar(
        select(SecondFactor).where(
            SecondFactor.account_id == account_id, SecondFactor.confirmed_at.is_not(None)
        )
    )
    return factor


def recovery_codes_left(session: Session, account_id: str) -> int:
    """How many unused recovery codes the account has."""
    return (
        session.scalar(
            select(func.count())
            .select_from(RecoveryCode)
            .where(RecoveryCode.account_id == account_id, RecoveryCode.used_at.is_(None))
        )
        or 0
    )


def begin(unit: UnitOfWork, account: Account, organisation: Organisation, vault: Vault) -> dict[str, Any]:
    """Make a secret that waits for its first code. It replaces an earlier one that was never confirmed.

    Answers `secret` (base32) and `uri` for an app (otpauth). Raises Refused(second_factor_is_on).
    """
    if confirmed_factor(unit.session, account.id) is not None:
        raise Refused("second_factor_is_on", "Remove the second factor first; then begin again.")
    secret = secrets.token_bytes(rules.SECRET_BYTES)
    unit.session.execute(delete(SecondFactor).where(SecondFactor.account_id == account.id))
    unit.add(
        SecondFactor(
            account_id=account.id,
            organisation_id=account.organisation_id,
            sealed_secret=vault.seal(account.id, secret),
            created_at=unit.now,
        )
    )
    unit.audit("second_factor.begun", "account", account.id)
    return {
        "secret": rules.secret_text(secret),
        "uri": rules.otpauth_uri(secret, issuer=organisation.name, label=account.login),
    }


def count_code_try(unit: UnitOfWork, account_id: str) -> int:
    """Count one try of a code; 0 when it may go on, else the seconds to wait."""
    wait_s = tries.count_try(unit, CODE, token_hash(account_id), rules.CODE_LIMIT)
    if wait_s:
        unit.audit("second_factor.throttled", "account", account_id)
    return wait_s


def use(unit: UnitOfWork, account_id: str, code: str, vault: Vault, *, confirms: bool = False) -> bool:
    """Whether the code is right. A right one is used up, and the wrong ones before it are forgotten.

    `confirms`: the code is the first one of a second factor that is not yet in effect. Of two calls with the same code
    only the first succeeds: one conditional statement decides.
    """
    text = normal_code(code)
    is_one_time = len(text) == rules.DIGITS and text.isdecimal()
    holds = _use_one_time(unit, account_id, text, vault, confirms=confirms) if is_one_time else False
    if not is_one_time and not confirms:
        holds = _use_recovery(unit, account_id, text)
    if holds:
        unit.session.execute(
            delete(Throttle).where(Throttle.kind == CODE, Throttle.key_hash == token_hash(account_id))
        )
    else:
        unit.audit("second_factor.refused", "account", account_id)
    return holds


def _use_one_time(unit: UnitOfWork, account_id: str, code: str, vault: Vault, *, confirms: bool) -> bool:
    factor = unit.session.get(SecondFactor, account_id)
    if factor is None or (factor.confirmed_at is None) != confirms:
        return False
    secret = vault.open(account_id, factor.sealed_secret)
    step = rules.matching_step(secret, code, unit.now, factor.last_step)
    if step is None:
        return False
    changed = rows_changed(
        unit.session,
        update(SecondFactor)
        .where(
            SecondFactor.account_id == account_id,
            or_(SecondFactor.last_step.is_(None), SecondFactor.last_step < step),
        )
        .values(last_step=step),
    )
    return changed == 1


def _use_recovery(unit: UnitOfWork, account_id: str, code: str) -> bool:
    changed = rows_changed(
        unit.session,
        update(RecoveryCode)
        .where(
            RecoveryCode.code_hash == _code_hash(account_id, code),
            RecoveryCode.account_id == account_id,
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=unit.now),
    )
    if changed != 1:
        return False
    left = recovery_codes_left(unit.session, account_id)
    unit.audit("second_factor.recovery_code_used", "account", account_id, left=left)
    return True


def enable(unit: UnitOfWork, account_id: str) -> list[str]:
    """Put the second factor into effect and answer its recovery codes, which are not shown again."""
    unit.session.execute(
        update(SecondFactor).where(SecondFactor.account_id == account_id).values(confirmed_at=unit.now),
        execution_options={"synchronize_session": False},
    )
    _tell(unit, account_id, "enabled")
    return renew_recovery_codes(unit, account_id)


def renew_recovery_codes(unit: UnitOfWork, account_id: str) -> list[str]:
    """Ten new recovery codes; the ones before are void.

    Each has 120 random bits, too many to guess even from its hash, so a fast hash is enough (NIST SP 800-63B-4,
    look-up secrets of 112 bits or more).
    """
    unit.session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account_id))
    codes = [base64.b32encode(secrets.token_bytes(15)).decode() for _ in range(rules.RECOVERY_CODES)]
    for code in codes:
        unit.add(
            RecoveryCode(
                code_hash=_code_hash(account_id, code),
                account_id=account_id,
                organisation_id=unit.organisation_id,
                created_at=unit.now,
            )
        )
    unit.audit("second_factor.recovery_codes_made", "account", account_id, count=len(codes))
    return [rules.recovery_text(code) for code in codes]


def remove(unit: UnitOfWork, account_id: str, change: str) -> None:
    """Take the second factor away with its recovery codes. `change` is `removed` or `reset`."""
    for table in (RecoveryCode, SecondFactor):
        unit.session.execute(delete(table).where(table.account_id == account_id))
    unit.session.execute(
        delete(Throttle).where(Throttle.kind == CODE, Throttle.key_hash == token_hash(account_id))
    )
    _tell(unit, account_id, change)


def _tell(unit: UnitOfWork, account_id: str, change: str) -> None:
    unit.audit(f"second_factor.{change}", "account", account_id)
    unit.publish(contract.second_factor_changed, account_id, {"account_id": account_id, "change": change})


def _code_hash(account_id: str, code: str) -> str:
    return token_hash(f"{account_id}:{code}")
