"""What happens around a password, outside of any transaction: look up, count the try, hash; then commit."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from services.chassis.operations import Call
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.identity import credentials, queries, rules
from services.identity.access import addresses, codes
from services.identity.access.rules import is_inside
from services.identity.models import Account, Organisation
from services.identity.outside import policy
from services.identity.password_rules import (
    LEAST_BESIDE_SECOND_FACTOR,
    LEAST_CHARACTERS,
    check_password,
    normal_password,
    stands_alone,
)
from services.identity.passwords import hash_password, password_matches
from services.identity.people import realms
from services.identity.people.rules import VERIFY_EMAIL, RealmRules, login_space
from services.identity.tokens import throttle_key


@dataclass(frozen=True)
class Verified:
    """A log-in whose password is right. `new_password` is the one that takes a temporary one's place."""

    organisation: Organisation
    account: Account
    new_password: credentials.NewPassword | None = None


def verified(call: Call) -> Verified:
    """Organisation and account of a log-in whose password is right.

    The same statements, hash and answer whether or not the account exists. Each try leaves one audit row:
    here when it fails, with the session when it succeeds. A temporary password (S1-16) opens nothing but the way to an
    own one: without `new_password` it is refused, with it the account logs in. Raises Refused(too_many_requests,
    credentials_refused, password_change_required, password_refused, outside_sign_in_required).
    """
    organisation, account, key = look_up(call)
    count_attempt(call, credentials.LOGIN, key, rules.LOGIN_LIMIT, organisation)
    password, new_password = take_secret(call, "password"), take_secret(call, "new_password")
    is_right = password_matches(password, account.password_hash if account else None)
    with call.runtime.database.reading(None) as session:
        link_id = queries.find_temporary_password(session, account.id if account else "", password)
        realm_rules = _realm_rules(session, call, account)
        is_allowed = _allows_password(session, call, organisation, account)
    is_here = is_inside(call.context.client_address, realm_rules.allowed_networks)
    is_active = account is not None and account.state == "active"
    is_right = is_right and is_active and not has_lapsed(account, realm_rules)
    is_known = organisation is not None and account is not None and account.state != "disabled"
    if not is_known or not (is_right or link_id) or not is_here:
        audit_attempt(call, organisation, "session.refused", key)
        raise credentials.credentials_refused()
    if not is_allowed:
        audit_attempt(call, organisation, "session.password_not_allowed", key)
        raise policy.password_not_allowed()
    if is_right and not account.must_change_password:
        return Verified(organisation, account)
    try:
        own = _own_password(call, organisation, account, password, new_password, link_id)
    except Refused:
        _forget_tries(call, organisation, account)
        raise
    return Verified(organisation, account, own)


def _realm_rules(session: Session, call: Call, account: Account | None) -> RealmRules:
    """What holds in the account's realm: its networks (S2-133), its lifetimes. Asked of unknown logins, too."""
    realm = account.realm if account else call.request["realm"]
    return realms.rules_of(session, account.organisation_id if account else "", realm)


def has_lapsed(account: Account | None, realm_rules: RealmRules) -> bool:
    """Whether a password that others have set was not replaced in time: it lives as long as a temporary one (C3)."""
    if account is None or not account.must_change_password or account.password_set_at is None:
        return False
    lifetime = datetime.timedelta(days=realm_rules.temporary_password_days)
    return utc_now() >= account.password_set_at + lifetime


def _allows_password(
    session: Session, call: Call, organisation: Organisation | None, account: Account | None
) -> bool:
    """Whether a password lets in beside the realm's outside provider. Asked of unknown logins, too."""
    realm = account.realm if account else call.request["realm"]
    return policy.allows_password(session, organisation.id if organisation else "", realm)


def _own_password(
    call: Call,
    organisation: Organisation,
    account: Account,
    temporary: str,
    new: str | None,
    link_id: str | None,
) -> credentials.NewPassword:
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
    return credentials.NewPassword(chosen.password_hash, link_id, chosen.needs_second_factor)


@dataclass(frozen=True)
class Chosen:
    """A password that was found good, as its hash. `needs_second_factor`: it is too short to stand alone."""

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
    """Check and hash a password that somebody has chosen: 15 characters alone, 8 beside a second factor (NIST).

    `field`: what the request calls it. Raises Refused(password_refused).
    """
    with call.runtime.database.reading(None) as session:
        need = codes.need_of(session, account)
    least = LEAST_BESIDE_SECOND_FACTOR if need.is_enabled or need.is_demanded else LEAST_CHARACTERS
    check_password(password, [*_names(organisation, account), *more_names], least=least, field=field)
    return Chosen(hash_password(password), not stands_alone(password))


def _names(organisation: Organisation, account: Account) -> list[str]:
    """What a password may not be made of."""
    names = (organisation.name, organisation.key, account.login, account.first_name, account.last_name)
    return [name for name in names if name]


def reset_target(call: Call) -> tuple[Organisation | None, Account | None]:
    """Organisation and account that a reset is asked for, None where there is none.

    Raises Refused(too_many_requests).
    """
    organisation, account, key = look_up(call)
    count_attempt(call, credentials.RESET, key, rules.RESET_LIMIT, organisation)
    return organisation, account


def new_password(call: Call) -> Chosen:
    """The password that a link's holder has chosen.

    Nothing is hashed for a token that does not hold; such are counted against the caller's address.
    Raises Refused(link_refused, password_refused, too_many_requests).
    """
    password = take_secret(call, "password")
    settings = call.runtime.settings
    wait_s = call.transact(lambda unit: addresses.count_try(unit, addresses.LINK, settings))
    if wait_s:
        raise Refused("too_many_requests", "Too many tries from this address. Wait.", retry_after_s=wait_s)
    with call.runtime.database.reading(None) as session:
        found = queries.find_link(session, call.request["token"])
    if found is None or queries.link_state(found[0]) != "usable" or found[0].purpose == VERIFY_EMAIL:
        raise credentials.link_refused()
    _, account, organisation = found
    username = call.request["username"]
    return chosen_password(call, organisation, account, password, *([username] if username else []))


def look_up(call: Call) -> tuple[Organisation | None, Account | None, str]:
    """Organisation and account of the login in the request, None for what does not exist, and the key its tries are counted under."""
    organisation_key, login = call.request["organisation"], rules.normal_login(call.request["login"])
    space = login_space(call.request["realm"])
    with call.runtime.database.reading(None) as session:
        organisation, account = queries.find_login(session, organisation_key, login, space)
    return organisation, account, throttle_key(organisation_key, space, login)


def take_secret(call: Call, member: str) -> Any:
    """A password or code, taken out of the request: what stays there is fingerprinted with a fast hash."""
    request = dict(call.request)
    secret = request.pop(member, None)
    call.request = request
    return secret


def count_attempt(
    call: Call, kind: str, key: str, limit: rules.Limit, organisation: Organisation | None
) -> None:
    """Count the try for the login and for the caller's address; what one of them refuses counts for neither."""
    settings = call.runtime.settings

    def count(unit: UnitOfWork) -> int:
        wait_s = addresses.count_try(unit, f"{kind}{addresses.SUFFIX}", settings)
        if wait_s == 0:
            wait_s = credentials.count_try(unit, kind, key, limit)
            if wait_s:
                addresses.give_back(unit, f"{kind}{addresses.SUFFIX}", settings)
        return wait_s

    wait_s = call.transact(count)
    if wait_s:
        audit_attempt(call, organisation, f"{kind}.throttled", key)
        raise Refused(
            "too_many_requests", "Too many tries. Wait, or ask for a new password.", retry_after_s=wait_s
        )


def _forget_tries(call: Call, organisation: Organisation, account: Account) -> None:
    """Note that the temporary password was right and the own one missing or refused; none of these tries counts."""

    def work(unit: UnitOfWork) -> None:
        unit.act_for(organisation.id, organisation.key)
        credentials.forget_tries(unit, organisation, account)
        addresses.give_back(unit, addresses.LOGIN, call.runtime.settings)
        unit.audit("session.password_change_required", "account", account.id)

    call.transact(work)


def audit_attempt(call: Call, organisation: Organisation | None, action: str, key: str) -> None:
    """One audit row about a login that may not exist: its key stands for it, the row tells no name."""

    def work(unit: UnitOfWork) -> None:
        if organisation is not None:
            unit.act_for(organisation.id, organisation.key)
        unit.audit(action, "login", key)

    call.transact(work)
