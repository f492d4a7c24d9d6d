"""Verifying a log-in outside of a transaction: finding the account, counting the try, hashing the password."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.identity.credentials import queries
from services.identity.credentials.attempts import audit_attempt, count_login_attempt, look_up
from services.identity.credentials.passwords import chosen_password
from services.identity.login import handlers
from services.identity.models import Account, Organisation
from services.identity.realms import queries as realms
from services.identity.realms.networks import admits
from services.identity.realms.rules import RealmRules
from services.identity.realms.sign_in_policy import allows_password, password_not_allowed
from services.identity.secrets import addresses, tries
from services.identity.secrets.calls import take_secret
from services.identity.secrets.password_rules import normal_password
from services.identity.secrets.passwords import password_matches


@dataclass(frozen=True)
class Verified:
    """A log-in whose password is right. `new_password` replaces a temporary password."""

    organisation: Organisation
    account: Account
    new_password: handlers.NewPassword | None = None


def verified(call: Call) -> Verified:
    """The organisation and account of a log-in whose password is right.

    Statements, hashing and answer are the same whether or not the account exists. Each try has one audit row, written
    here when it fails and with the session when it succeeds. A temporary password (S1-16) is refused without
    `new_password`, which replaces it.
    Raises Refused(too_many_requests, credentials_refused, password_change_required, password_refused,
    outside_sign_in_required).
    """
    organisation, account, key = look_up(call)
    count_login_attempt(call, key, organisation, account)
    password, new_password = take_secret(call, "password"), take_secret(call, "new_password")
    is_right = password_matches(password, account.password_hash if account else None)
    with call.runtime.database.reading(None) as session:
        link_id = queries.find_temporary_password(session, account.id if account else "", password)
        realm_rules = _realm_rules(session, call, account)
        is_allowed = _allows_password(session, call, organisation, account)
    is_in_network = admits(call.context.client_address, realm_rules.allowed_networks)
    is_active = account is not None and account.state == "active"
    is_right = is_right and is_active and not has_lapsed(account, realm_rules)
    if (
        organisation is None
        or account is None
        or account.state == "disabled"
        or not (is_right or link_id)
        or not is_in_network
    ):
        audit_attempt(call, organisation, "session.refused", key)
        raise handlers.credentials_refused()
    if not is_allowed:
        audit_attempt(call, organisation, "session.password_not_allowed", key)
        raise password_not_allowed()
    if is_right and not account.must_change_password:
        return Verified(organisation, account)
    try:
        chosen = _chosen_in_its_place(call, organisation, account, password, new_password, link_id)
    except Refused:
        _forget_tries(call, organisation, account)
        raise
    return Verified(organisation, account, chosen)


def _realm_rules(session: Session, call: Call, account: Account | None) -> RealmRules:
    """The rules of the account's realm: its networks (S2-133) and lifetimes. They are read for unknown logins, too."""
    realm = account.realm if account else call.request["realm"]
    return realms.rules_of(session, account.organisation_id if account else "", realm)


def has_lapsed(account: Account | None, realm_rules: RealmRules) -> bool:
    """Whether a password that others have set has expired. It has the lifetime of a temporary password (C3)."""
    if account is None or not account.must_change_password or account.password_set_at is None:
        return False
    lifetime = datetime.timedelta(days=realm_rules.temporary_password_days)
    return utc_now() >= account.password_set_at + lifetime


def _allows_password(
    session: Session, call: Call, organisation: Organisation | None, account: Account | None
) -> bool:
    """Whether the realm allows passwords beside its outside provider. It is read for unknown logins, too."""
    realm = account.realm if account else call.request["realm"]
    return allows_password(session, organisation.id if organisation else "", realm)


def _chosen_in_its_place(
    call: Call,
    organisation: Organisation,
    account: Account,
    temporary: str,
    new: str | None,
    link_id: str | None,
) -> handlers.NewPassword:
    if new is None:
        raise Refused(
            "password_change_required",
            "This password is temporary. Choose your own and send it along as new_password.",
            field="new_password",
        )
    if normal_password(new) == normal_password(temporary):
        raise Refused(
            "password_refused", "Choose another password than the temporary one.", field="new_password"
        )
    chosen = chosen_password(call, organisation, account, new, field="new_password")
    return handlers.NewPassword(chosen.password_hash, link_id, chosen.needs_second_factor)


def _forget_tries(call: Call, organisation: Organisation, account: Account) -> None:
    """Audit that the temporary password was right but the new one missing or refused. Such tries do not count."""

    def work(unit: UnitOfWork) -> None:
        unit.act_for(organisation.id, organisation.key)
        tries.forget_tries(unit, organisation, account)
        addresses.give_back(unit, addresses.LOGIN, call.runtime.settings)
        unit.audit("session.password_change_required", "account", account.id)

    call.transact(work)
