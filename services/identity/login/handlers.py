"""Starting a session for an account whose password has been verified."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.credentials.invitations import use_up
from services.identity.credentials.models import CredentialLink
from services.identity.credentials.passwords import set_password_hash
from services.identity.models import Account, Organisation
from services.identity.realms import queries as realms
from services.identity.realms import rules
from services.identity.registry.accounts import account_view
from services.identity.secrets import addresses
from services.identity.secrets.tokens import new_token, token_hash
from services.identity.secrets.tries import forget_tries, key_of_login, know_origin
from services.identity.sessions.models import LoginSession


@dataclass(frozen=True)
class NewPassword:
    """The password that replaces a temporary one at the log-in. `link_id` is the sent temporary password's id, if any."""

    password_hash: str
    link_id: str | None
    needs_second_factor: bool = False


def start_session(
    unit: UnitOfWork,
    organisation: Organisation,
    account_id: str,
    verified_hash: str | None,
    settings: Any,
    new_password: NewPassword | None = None,
) -> dict[str, Any]:
    """Start a session for an account whose password was verified against `verified_hash`.

    Raises as `admit_verified`, and Refused(feature_is_off) for a provider while the provider portal is switched off.
    """
    account = admit_verified(unit, organisation, account_id, verified_hash, new_password)
    if account.realm == rules.PROVIDER and not rules.portal_is_open(organisation.features):
        raise Refused("feature_is_off", "The provider portal is switched off.")
    token = new_token()
    session = LoginSession(
        id=wire.new_id(),
        account_id=account.id,
        token_hash=token_hash(token),
        created_at=unit.now,
        last_seen_at=unit.now,
        proven_at=unit.now,
        expires_at=unit.now
        + datetime.timedelta(
            hours=realms.absolute_hours(
                realms.rules_of(unit.session, organisation.id, account.realm), account.realm, settings
            )
        ),
    )
    unit.add(session)
    account.last_login_at = unit.now
    forget_tries(unit, organisation, account)
    origin = addresses.origin_of(unit.context, key_of_login(organisation, account), settings)
    know_origin(unit, organisation, account, origin)
    addresses.give_back(unit, addresses.LOGIN, settings)
    unit.audit("session.started", "account", account.id, session_id=session.id)
    return {"token": token, "expires_at": session.expires_at, "account": account_view(account)}


def admit_verified(
    unit: UnitOfWork,
    organisation: Organisation,
    account_id: str,
    verified_hash: str | None,
    new_password: NewPassword | None = None,
) -> Account:
    """The account, locked, if it has not changed since it was verified outside of this transaction.

    `new_password` replaces a temporary password and uses it up (S1-16).
    Raises Refused(credentials_refused) where the account has changed or cannot log in.
    """
    unit.act_for(organisation.id, organisation.key)
    account: Account | None = unit.session.scalar(
        select(Account).where(Account.id == account_id).with_for_update(of=Account)
    )
    if account is None or account.state == "disabled" or account.password_hash != verified_hash:
        raise credentials_refused()
    if new_password is not None:
        _replace_password(unit, organisation, account, new_password)
    if account.state != "active" or account.must_change_password:
        raise credentials_refused()
    return account


def _replace_password(
    unit: UnitOfWork, organisation: Organisation, account: Account, new_password: NewPassword
) -> None:
    if new_password.link_id is not None:
        if not use_up(unit, CredentialLink.id == new_password.link_id):
            raise credentials_refused()
        # The holder of the temporary password reads the mail sent to the address, which verifies the address.
        account.email_verified_at = account.email_verified_at or unit.now
    set_password_hash(
        unit,
        organisation,
        account,
        new_password.password_hash,
        needs_second_factor=new_password.needs_second_factor,
    )


def credentials_refused() -> Refused:
    """The same refusal for a wrong login, a wrong password and an account that cannot log in."""
    return Refused("credentials_refused", "Login or password is wrong, or the account cannot log in.")
