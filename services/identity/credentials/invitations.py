"""Invitations and their secrets: links and temporary passwords. The functions are steps inside a transaction."""

from __future__ import annotations

import datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, CursorResult, select, update

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import credentials as contract
from services.identity.credentials.models import CredentialLink, Invitation
from services.identity.credentials.rules import INVITATION, RESET, VERIFY_EMAIL
from services.identity.models import Account, Organisation
from services.identity.realms.queries import link_minutes, rules_of
from services.identity.realms.rules import LINK, TEMPORARY_PASSWORD
from services.identity.registry.usernames import has_username, whose
from services.identity.secrets import tries
from services.identity.secrets.rules import MAIL_LIMIT
from services.identity.secrets.tokens import (
    new_temporary_password,
    new_token,
    temporary_password_hash,
    token_hash,
)


def void_links(unit: UnitOfWork, account_id: str) -> None:
    """Void an account's unused links and temporary passwords, when one was used or staff send another (S1-17).

    Its invitations are closed, too, so that a message not yet rendered makes no new link. As nothing that was sent is valid
    any more, its owner may ask for another one at once.
    """
    void_unused(unit, CredentialLink.account_id == account_id)
    tries.forget(unit, tries.MAIL, account_id)
    unit.session.execute(
        update(Invitation)
        .where(Invitation.account_id == account_id, Invitation.closed_at.is_(None))
        .values(closed_at=unit.now),
        execution_options={"synchronize_session": False},
    )


def void_unused(unit: UnitOfWork, condition: ColumnElement[bool]) -> None:
    """Void the unused links and temporary passwords that fit the condition."""
    unit.session.execute(
        update(CredentialLink)
        .where(condition, CredentialLink.used_at.is_(None), CredentialLink.void_at.is_(None))
        .values(void_at=unit.now),
        execution_options={"synchronize_session": False},
    )


def invite(unit: UnitOfWork, account: Account, purpose: str) -> Invitation:
    """Add an invitation and publish `account_invited`, so that a link or temporary password is sent.

    `purpose` is `invitation`, `reset`, `reset_after_tries`, `temporary_password` (an invitation with one) or `verify_email`.
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


def purpose_for(account: Account) -> str:
    """The purpose of a link for this account: one that has a password gets a reset, any other is invited again."""
    return RESET if account.password_hash else INVITATION


def invite_unless_often(unit: UnitOfWork, account: Account, purpose: str) -> None:
    """Invite as `invite` does, where anybody could have asked for it: an account gets one such message an hour.

    What was sent before stays valid, and the page of an expired link sends another one. So nobody is kept out by what
    somebody else asked.
    """
    if not tries.count_try(unit, tries.MAIL, account.id, MAIL_LIMIT):
        invite(unit, account, purpose)


def mint_link(unit: UnitOfWork, invitation_id: str, settings: Any) -> dict[str, Any]:
    """Make the link or temporary password of an invitation. Its lifetime starts now (S4-10).

    Another call for the same invitation makes another one in its place. What other invitations brought stays: anybody can
    ask for a reset, and asking voids nothing. Raises Refused(not_found, account_disabled).
    """
    invitation = unit.session.scalar(select(Invitation).where(Invitation.id == invitation_id))
    if invitation is None:
        raise Refused("not_found", "There is no such invitation.")
    account = unit.session.scalars(
        select(Account).where(Account.id == invitation.account_id).with_for_update(of=Account)
    ).one()
    if account.state == "disabled":
        raise Refused("account_disabled", "The account is disabled.")
    unit.session.refresh(invitation)  # it may have been closed while this waited for the account's row
    if invitation.closed_at is not None:
        raise Refused("not_found", "The password was set meanwhile; the invitation is closed.")
    realm_rules = rules_of(unit.session, account.organisation_id, account.realm)
    is_password = invitation.purpose == TEMPORARY_PASSWORD
    if is_password:
        minutes = realm_rules.temporary_password_days * 24 * 60
        secret = new_temporary_password()
        secret_hash = temporary_password_hash(account.id, secret)
    else:
        minutes = link_minutes(realm_rules, account.realm, settings)
        secret = new_token()
        secret_hash = token_hash(secret)
    void_unused(unit, CredentialLink.invitation_id == invitation.id)
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
    # With these the page of a link whose secret was lost on the way can still lead to a new one.
    where = urlencode({"organisation": organisation.key, "realm": account.realm})
    return {
        # The token is in the fragment. Browsers do not send the fragment, so no log, proxy or Referer contains it.
        "link": None if is_password else f"{settings.public_url.rstrip('/')}/{page}?{where}#token={secret}",
        "temporary_password": secret if is_password else None,
        "username": account.login if has_username(account.login) else "",
        "email": account.email,
        **whose(unit.session, account),
        "lifetime_minutes": minutes,
        "language": account.language,
        "purpose": link.purpose,
        "realm": account.realm,
        "organisation_name": organisation.name,
    }


def use_up(unit: UnitOfWork, condition: ColumnElement[bool]) -> bool:
    """Use up the one secret that fits the condition. False when it is used, void or expired."""
    consumed: CursorResult[Any] = unit.session.execute(  # type: ignore[assignment]  # an UPDATE has a cursor
        update(CredentialLink)
        .where(
            condition,
            CredentialLink.usable(unit.now),
        )
        .values(used_at=unit.now),
        execution_options={"synchronize_session": False},
    )
    return consumed.rowcount == 1


def send_invitation(unit: UnitOfWork, account: Account) -> Invitation:
    """Invite in the realm's style: with a temporary password (S1-16) or a link. Earlier ones are void (S1-17)."""
    void_links(unit, account.id)
    style = rules_of(unit.session, account.organisation_id, account.realm).invitation_style
    return invite(unit, account, TEMPORARY_PASSWORD if style == TEMPORARY_PASSWORD else INVITATION)
