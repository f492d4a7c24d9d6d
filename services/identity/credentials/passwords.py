"""Passwords that people choose. They are checked and hashed outside of a transaction, then set in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import credentials as contract
from services.identity.credentials.invitations import void_links
from services.identity.models import Account, Organisation
from services.identity.registry.accounts import find_account, load_account
from services.identity.registry.actors import caller_of
from services.identity.registry.organisations import load_organisation
from services.identity.second_factor import codes
from services.identity.secrets.calls import take_secret
from services.identity.secrets.password_rules import (
    LEAST_BESIDE_SECOND_FACTOR,
    LEAST_CHARACTERS,
    check_password,
    normal_password,
    stands_alone,
)
from services.identity.secrets.passwords import hash_password, password_matches
from services.identity.secrets.tokens import token_hash
from services.identity.secrets.tries import count_login, forget_tries, key_of_login
from services.identity.sessions.handlers import end_sessions


def set_password_hash(
    unit: UnitOfWork,
    organisation: Organisation,
    account: Account,
    password_hash: str,
    *,
    needs_second_factor: bool = False,
    keep_session_id: str | None = None,
) -> None:
    """Give the account a password. The account becomes active; its sessions, links and temporary passwords end.

    `needs_second_factor`: the password is too short to be used alone. `keep_session_id`: this session does not end.
    """
    had_one = account.password_set_at is not None and not account.must_change_password
    is_changed = had_one or unit.actor_id not in (account.id, "anonymous")
    account.password_hash = password_hash
    account.password_needs_second_factor = needs_second_factor
    account.password_set_at = unit.now
    account.must_change_password = False
    account.state = "active"
    account.version += 1
    void_links(unit, account.id)
    end_sessions(unit, account.id, "password_set", but=keep_session_id)
    forget_tries(unit, organisation, account)
    unit.audit("credential.password_set", "account", account.id)
    unit.publish(contract.password_set, account.id, {"account_id": account.id, "is_changed": is_changed})


@dataclass(frozen=True)
class Chosen:
    """The hash of an accepted password. `needs_second_factor`: the password is too short to be used alone."""

    password_hash: str
    needs_second_factor: bool


def chosen_password(
    call: Call,
    organisation: Organisation,
    account: Account,
    password: str,
    *more_names: str,
    field: str = "password",
) -> Chosen:
    """Check and hash a password that somebody has chosen.

    It has at least 15 characters, or 8 where the account has or must have a second factor (NIST SP 800-63B).
    `field` is the password's name in the request. Raises Refused(password_refused).
    """
    with call.runtime.database.reading(None) as session:
        need = codes.need_of(session, account)
    least = LEAST_BESIDE_SECOND_FACTOR if need.is_enabled or need.is_demanded else LEAST_CHARACTERS
    check_password(password, [*_names(organisation, account), *more_names], least=least, field=field)
    return Chosen(hash_password(password), not stands_alone(password))


def _names(organisation: Organisation, account: Account) -> list[str]:
    """The names that a password must not consist of."""
    names = (organisation.name, organisation.key, account.login, account.first_name, account.last_name)
    return [name for name in names if name]


def change_password(call: Call) -> Any:
    """Change the caller's password.

    Raises Refused(proof_refused, password_refused, too_many_requests).
    """
    old, new = take_secret(call, "password"), take_secret(call, "new_password")
    organisation, account = check_own_password(call, old)
    if normal_password(old) == normal_password(new):
        raise Refused(
            "password_refused", "Choose another password than the one before.", field="new_password"
        )
    chosen = chosen_password(call, organisation, account, new, field="new_password")
    return call.commit(_set_password, account.password_hash, chosen)


def _set_password(unit: UnitOfWork, verified_hash: str | None, chosen: Chosen) -> dict[str, Any]:
    caller = caller_of(unit)
    account = load_account(unit, caller.id)
    if account.password_hash != verified_hash:
        raise _proof_refused()
    set_password_hash(
        unit, load_organisation(unit), account, chosen.password_hash,
        needs_second_factor=chosen.needs_second_factor, keep_session_id=caller.session_id,
    )  # fmt: skip
    return {}


def check_own_password(call: Call, password: str) -> tuple[Organisation, Account]:
    """The caller's organisation and account, if the password is right.

    A try counts like one to log in from a known origin: the session. What strangers try does not keep its owner out.

    Raises Refused(proof_refused, too_many_requests).
    """
    caller = call.caller
    assert caller is not None  # noqa: S101 - the operation's declaration lets nobody in without a passport
    with call.runtime.database.reading(caller.organisation_id) as session:
        account = find_account(session, caller.id)
        organisation = session.scalars(
            select(Organisation).where(Organisation.id == caller.organisation_id)
        ).one()
    key, origin = key_of_login(organisation, account), token_hash(f"session\0{caller.session_id}")
    wait_s = call.transact(lambda unit: count_login(unit, key, origin, is_known=True))
    if wait_s:
        raise Refused("too_many_requests", "Too many tries. Wait.", retry_after_s=wait_s)
    if not password_matches(password, account.password_hash):
        call.transact(lambda unit: unit.audit("session.proof_refused", "account", caller.id))
        raise _proof_refused()
    call.transact(lambda unit: forget_tries(unit, organisation, account))
    return organisation, account


def _proof_refused() -> Refused:
    return Refused("proof_refused", "The password is wrong.", field="password")
