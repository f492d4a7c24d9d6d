"""Log-ins, sessions and the links that set a password: each function is one step inside one transaction."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, delete, select, update

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import credentials as contract
from services.identity import rules
from services.identity.access import addresses
from services.identity.models import Account, CredentialLink, Invitation, LoginSession, Organisation, Throttle
from services.identity.patients.rules import has_username
from services.identity.patients.usernames import choose_with_link
from services.identity.people import realms
from services.identity.people.rules import LINK, TEMPORARY_PASSWORD, VERIFY_EMAIL
from services.identity.queries import account_view
from services.identity.tokens import (
    new_temporary_password,
    new_token,
    temporary_password_hash,
    throttle_key,
    token_hash,
)

LOGIN, RESET = "login", "reset"


@dataclass(frozen=True)
class NewPassword:
    """The password that replaces a temporary one at the log-in. `link_id` is that of the temporary one, if it was sent."""

    password_hash: str
    link_id: str | None
    needs_second_factor: bool = False


def count_try(unit: UnitOfWork, kind: str, key: str, limit: rules.Limit) -> int:
    """Count one try for `key`; 0 when it may go on, else the seconds to wait. All replicas count together."""
    row = addresses.held_throttle(unit, kind, key)
    admission = rules.admit_try(rules.Tries(row.count, row.in_a_row, row.last_at), unit.now, limit)
    row.count, row.in_a_row, row.last_at = (
        admission.tries.count,
        admission.tries.in_a_row,
        admission.tries.last_at,
    )
    return admission.retry_after_s


def forget_tries(unit: UnitOfWork, organisation: Organisation, account: Account) -> None:
    """Clear an account's failed log-ins: its owner has shown to be the owner."""
    key = throttle_key(organisation.key, account.login_space, account.login)
    unit.session.execute(delete(Throttle).where(Throttle.kind == LOGIN, Throttle.key_hash == key))


def start_session(
    unit: UnitOfWork,
    _request: Mapping[str, Any],
    organisation: Organisation,
    account_id: str,
    verified_hash: str | None,
    settings: Any,
    new_password: NewPassword | None = None,
) -> dict[str, Any]:
    """Start a session for an account whose password was found right, against `verified_hash`.

    Raises as `admit_verified`, and Refused(feature_is_off) for a provider whose portal is closed.
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
    """The account, locked, if it is still what was verified outside of this transaction.

    `new_password` takes the place of a temporary password, which is thereby used up (S1-16).
    Raises Refused(credentials_refused) where the account has changed since.
    """
    unit.act_for(organisation.id, organisation.key)
    account = unit.session.scalar(select(Account).where(Account.id == account_id).with_for_update(of=Account))
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
        # Whoever has the temporary password reads the mail sent to the address.
        account.email_verified_at = account.email_verified_at or unit.now
    set_password_hash(
        unit,
        organisation,
        account,
        new_password.password_hash,
        needs_second_factor=new_password.needs_second_factor,
    )


def credentials_refused() -> Refused:
    """The one answer to a wrong login, a wrong password and an account that cannot log in."""
    return Refused("credentials_refused", "Login or password is wrong, or the account cannot log in.")


def log_out(unit: UnitOfWork, _request: Mapping[str, Any]) -> dict[str, Any]:
    """End the caller's session."""
    assert unit.caller is not None  # noqa: S101 - the operation's declaration lets nobody in without a passport
    statement = (
        update(LoginSession)
        .where(
            LoginSession.id == unit.caller.session_id,
            LoginSession.account_id == unit.caller.id,
            LoginSession.ended_at.is_(None),
        )
        .values(ended_at=unit.now, end_reason="logged_out")
    )
    unit.session.execute(statement, execution_options={"synchronize_session": False})
    unit.audit("session.ended", "account", unit.caller.id, session_id=unit.caller.session_id)
    return {}


def end_sessions(unit: UnitOfWork, account_id: str, reason: str, *, but: str | None = None) -> int:
    """End all sessions of an account (`but` one of them): the next request of each is refused. Answers how many."""
    ended: CursorResult[Any] = unit.session.execute(  # type: ignore[assignment]
        update(LoginSession)
        .where(
            LoginSession.account_id == account_id,
            LoginSession.ended_at.is_(None),
            LoginSession.id != (but or ""),
        )
        .values(ended_at=unit.now, end_reason=reason),
        execution_options={"synchronize_session": False},
    )
    return ended.rowcount


def void_links(unit: UnitOfWork, account_id: str, *, close_invitations: bool = True) -> None:
    """Void an account's unused links; close its invitations, so that no message on its way makes another."""
    unit.session.execute(
        update(CredentialLink)
        .where(
            CredentialLink.account_id == account_id,
            CredentialLink.used_at.is_(None),
            CredentialLink.void_at.is_(None),
        )
        .values(void_at=unit.now),
        execution_options={"synchronize_session": False},
    )
    if close_invitations:
        unit.session.execute(
            update(Invitation)
            .where(Invitation.account_id == account_id, Invitation.closed_at.is_(None))
            .values(closed_at=unit.now),
            execution_options={"synchronize_session": False},
        )


def invite(unit: UnitOfWork, account: Account, purpose: str) -> Invitation:
    """Note that a link or temporary password is to be sent and tell it.

    `purpose` is `invitation`, `reset`, `temporary_password` (an invitation that brings one) or `verify_email`.
    """
    invitation = Invitation(
        id=wire.new_id(),
        organisation_id=unit.organisation_id,
        account_id=account.id,
        purpose=purpose,
        requested_at=unit.now,
    )
    unit.add(invitation)
    unit.audit(
        "credential.link_requested", "account", account.id, purpose=purpose, invitation_id=invitation.id
    )
    unit.publish(
        contract.account_invited,
        account.id,
        {"invitation_id": invitation.id, "account_id": account.id, "purpose": purpose},
    )
    return invitation


def request_reset(
    unit: UnitOfWork, _request: Mapping[str, Any], organisation: Organisation | None, account_id: str | None
) -> dict[str, Any]:
    """Have a link sent that sets a new password, also to an account that was never active (S4-11)."""
    if organisation is None or account_id is None:
        return {}
    unit.act_for(organisation.id, organisation.key)
    account = unit.session.scalar(select(Account).where(Account.id == account_id))
    if account is not None and account.state != "disabled" and account.email is not None:
        invite(unit, account, "reset")
    return {}


def mint_link(unit: UnitOfWork, request: Mapping[str, Any], settings: Any) -> dict[str, Any]:
    """Make the link or temporary password of an invitation: its lifetime starts now, older ones are void (S4-10, S1-17).

    Called again for the same invitation it makes another one. Raises Refused(not_found, account_disabled).
    """
    invitation = unit.session.scalar(select(Invitation).where(Invitation.id == request["invitation_id"]))
    if invitation is None:
        raise Refused("not_found", "There is no such invitation.")
    account = unit.session.scalars(
        select(Account).where(Account.id == invitation.account_id).with_for_update(of=Account)
    ).one()
    if account.state == "disabled":
        raise Refused("account_disabled", "The account is disabled.")
    unit.session.refresh(invitation)  # it may have been closed while the account's row was waited for
    if invitation.closed_at is not None:
        raise Refused("not_found", "The password was set meanwhile; the invitation is closed.")
    realm_rules = realms.rules_of(unit.session, account.organisation_id, account.realm)
    is_password = invitation.purpose == TEMPORARY_PASSWORD
    if is_password:
        minutes = realm_rules.temporary_password_days * 24 * 60
        secret = new_temporary_password()
        secret_hash = temporary_password_hash(account.id, secret)
    else:
        minutes = realms.link_minutes(realm_rules, account.realm, settings)
        secret = new_token()
        secret_hash = token_hash(secret)
    void_links(unit, account.id, close_invitations=False)
    link = CredentialLink(
        id=wire.new_id(),
        invitation_id=invitation.id,
        account_id=account.id,
        kind=TEMPORARY_PASSWORD if is_password else LINK,
        purpose=invitation.purpose,
        token_hash=secret_hash,
        created_at=unit.now,
        expires_at=unit.now + datetime.timedelta(minutes=minutes),
    )
    unit.add(link)
    unit.audit("credential.link_made", "account", account.id, purpose=link.purpose, link_id=link.id)
    organisation = unit.session.scalars(
        select(Organisation).where(Organisation.id == unit.organisation_id)
    ).one()
    page = "verify-email" if link.purpose == VERIFY_EMAIL else "credentials"
    return {
        # In the fragment: browsers do not send it, so no log, proxy or Referer ever sees the token.
        "link": None if is_password else f"{settings.public_url.rstrip('/')}/{page}#token={secret}",
        "temporary_password": secret if is_password else None,
        "username": account.login if has_username(account.login) else "",
        "email": account.email,
        "lifetime_minutes": minutes,
        "purpose": link.purpose,
        "realm": account.realm,
        "organisation_name": organisation.name,
    }


def redeem_link(
    unit: UnitOfWork,
    request: Mapping[str, Any],
    chosen: Any,
    settings: Any,
) -> dict[str, Any]:
    """Use a link up and set the password. One conditional statement decides: of many at once, one succeeds.

    Raises Refused(link_refused) for a token that is unknown, used, void or expired, and what `choose_with_link` raises.
    """
    found = unit.session.execute(
        select(CredentialLink.account_id, Organisation)
        .join(Organisation, Organisation.id == CredentialLink.organisation_id)
        .where(
            CredentialLink.token_hash == token_hash(request["token"]),
            CredentialLink.kind == LINK,
            CredentialLink.purpose != VERIFY_EMAIL,
        )
    ).one_or_none()
    if found is None:
        raise link_refused()
    account_id, organisation = found
    unit.act_for(organisation.id, organisation.key)
    # The account's row first, as everywhere: two orders of locking would be a deadlock.
    account = unit.session.scalars(
        select(Account).where(Account.id == account_id).with_for_update(of=Account)
    ).one()
    is_used = use_up(unit, CredentialLink.token_hash == token_hash(request["token"]))
    if not is_used or account.state == "disabled":
        raise link_refused()
    # Whoever has the link reads the mail sent to the address: that verifies it (S0-43).
    account.email_verified_at = account.email_verified_at or unit.now
    choose_with_link(unit, account, request["username"])
    set_password_hash(
        unit, organisation, account, chosen.password_hash, needs_second_factor=chosen.needs_second_factor
    )
    addresses.give_back(unit, addresses.LINK, settings)
    return {}


def use_up(unit: UnitOfWork, condition: ColumnElement[bool]) -> bool:
    """Use up the one secret that the condition names; False when it was used, void or expired meanwhile."""
    consumed: CursorResult[Any] = unit.session.execute(  # type: ignore[assignment]
        update(CredentialLink)
        .where(
            condition,
            CredentialLink.used_at.is_(None),
            CredentialLink.void_at.is_(None),
            CredentialLink.expires_at > unit.now,
        )
        .values(used_at=unit.now),
        execution_options={"synchronize_session": False},
    )
    return consumed.rowcount == 1


def link_refused() -> Refused:
    """The one answer to every link that cannot be used."""
    return Refused(
        "link_refused",
        "The link was used, replaced or has expired. `request_password_reset` sends a new one.",
    )


def set_password_hash(
    unit: UnitOfWork,
    organisation: Organisation,
    account: Account,
    password_hash: str,
    *,
    needs_second_factor: bool = False,
    keep_session_id: str | None = None,
) -> None:
    """Give the account a password: it is active, and whatever let somebody in before ends.

    `needs_second_factor`: it is too short to stand alone. `keep_session_id`: the session it was changed in goes on.
    """
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
    unit.publish(contract.password_set, account.id, {"account_id": account.id})
