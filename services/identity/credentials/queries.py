"""Queries over links and changed log-ins."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.identity.credentials.models import CredentialLink, LoginChange
from services.identity.credentials.rules import VERIFY_EMAIL
from services.identity.models import Account, Organisation
from services.identity.realms.rules import LINK, TEMPORARY_PASSWORD
from services.identity.registry.accounts import COLUMNS_ONLY
from services.identity.registry.usernames import has_username, whose
from services.identity.secrets.tokens import temporary_password_hash, token_hash


def find_link(session: Session, token: str) -> tuple[CredentialLink, Account, Organisation] | None:
    """A link in any state, with its account and organisation. The session must not be limited to an organisation."""
    found = session.execute(
        select(CredentialLink, Account, Organisation)
        .join(Account, Account.id == CredentialLink.account_id)
        .join(Organisation, Organisation.id == CredentialLink.organisation_id)
        .where(CredentialLink.token_hash == token_hash(token), CredentialLink.kind == LINK)
        .options(*COLUMNS_ONLY)
    ).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


def find_temporary_password(session: Session, account_id: str, password: str) -> str | None:
    """The id of the account's temporary password if `password` is that and still valid, else None.

    The session must not be limited to an organisation.
    """
    found: str | None = session.scalar(
        select(CredentialLink.id).where(
            CredentialLink.token_hash == temporary_password_hash(account_id, password),
            CredentialLink.kind == TEMPORARY_PASSWORD,
            CredentialLink.account_id == account_id,
            CredentialLink.usable(utc_now()),
        )
    )
    return found


def inspect_link(session: Session, _caller: None, *, token: str) -> dict[str, Any]:
    """What a link is for, where its account signs in, whether it can be used. Raises Refused(not_found)."""
    found = find_link(session, token)
    if found is None:
        raise Refused("not_found", "There is no such link.")
    link, account, organisation = found
    needs_username = link.purpose != VERIFY_EMAIL and not has_username(account.login)
    return {
        "purpose": link.purpose,
        "state": link.state(utc_now()),
        "needs_username": needs_username,
        **whose(session, account),
        "organisation_key": organisation.key,
        "organisation_name": organisation.name,
        "realm": account.realm,
    }


def describe_login_change(session: Session, caller: Caller, *, change_id: str) -> dict[str, Any]:
    """The address that an account had before its log-in changed. Raises Refused(not_found)."""
    change = session.scalar(select(LoginChange).where(LoginChange.id == change_id))
    if change is None:
        raise Refused("not_found", "There is no such change.")
    name = session.scalars(select(Organisation.name).where(Organisation.id == caller.organisation_id)).one()
    return {"email": change.email_before, "organisation_name": name}
