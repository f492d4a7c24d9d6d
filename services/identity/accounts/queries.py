"""Queries over accounts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from services.chassis.database import begins_with
from services.chassis.names import named
from services.chassis.passports import Caller
from services.contracts.spelling import login_key, search_key
from services.identity.accounts import workforce
from services.identity.accounts.authors import authors_among
from services.identity.accounts.rules import possible_actions
from services.identity.models import (
    ACCOUNTS_BY_NAME,
    Account,
    AccountName,
    ResourceAssignment,
    Role,
    RolePermission,
)
from services.identity.realms import rules
from services.identity.registry.accounts import account_view, find_account
from services.identity.registry.organisations import find_organisation
from services.identity.registry.pages import page_of

MOST_FOUND = 50
MOST_SIGNERS = 20
SIGNS = "document.sign"


def get_account(session: Session, caller: Caller, *, account_id: str) -> dict[str, Any]:
    """One account, and what the caller may do with it. Raises Refused(not_found)."""
    account = find_account(session, account_id)
    can = (
        possible_actions(
            account.state,
            is_workforce=account.realm in rules.WORKFORCE_REALMS,
            is_own=account.id == caller.id,
            is_disabled_for=account.disabled_for,
        )
        if caller.may("account.manage")
        else []
    )
    return {**account_view(account), "actions": can}


def list_accounts(
    session: Session,
    _caller: Caller,
    *,
    realm: str | None,
    security_level: str | None,
    state: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """Accounts by last and first name. The cursor is an account's id: names do not belong in URLs."""
    statement = _of(select(Account), security_level, state)
    if realm is not None:
        statement = statement.where(Account.realm == realm)
    page, following = page_of(session, statement, ACCOUNTS_BY_NAME, Account.id, after=after, limit=limit)
    return {"items": [account_view(row) for row in page], "next": following}


def search_accounts(
    session: Session, _caller: Caller, *, text: str, security_level: str | None, state: str | None
) -> dict[str, Any]:
    """Accounts of staff and providers: each word of `text` begins a word of the name, or `text` begins the e-mail."""
    statement = _named(session, text, lambda way: _of(way, security_level, state), MOST_FOUND)
    return {"items": [account_view(row) for row in session.scalars(statement)]}


def search_signers(session: Session, _caller: Caller, *, text: str) -> dict[str, Any]:
    """Accounts that may sign documents, as `search_accounts` finds them."""
    may_sign = select(RolePermission.role_id).where(RolePermission.permission == SIGNS)
    statement = _named(
        session,
        text,
        lambda way: way.where(Account.role_id.in_(may_sign), Account.state != "disabled"),
        MOST_SIGNERS,
    )
    return {
        "items": [
            {
                "account_id": row.id,
                "first_name": row.first_name,
                "last_name": row.last_name,
                "realm": row.realm,
                "resource_names": sorted(each.resource_name for each in row.assignments_in_effect),
            }
            for row in session.scalars(statement)
        ]
    }


def _named(
    session: Session, text: str, narrowed: Callable[[Select[Any]], Select[Any]], most: int
) -> Select[Any]:
    words, address = search_key(text).split(), login_key(text)
    ways = []
    if words:
        by_name = named(session, AccountName, [(word, None) for word in words])
        ways.append(by_name.join(Account, Account.id == AccountName.owner_id))
    if address:
        ways.append(
            select(Account.id).where(begins_with(Account.email_key, address)).order_by(Account.email_key)
        )
    found: set[str] = set()
    for way in ways:
        among = narrowed(way).where(Account.realm.in_(rules.WORKFORCE_REALMS))
        found.update(session.scalars(among.limit(most)))
    return select(Account).where(Account.id.in_(found)).order_by(*ACCOUNTS_BY_NAME).limit(most)


def _of(statement: Select[Any], security_level: str | None, state: str | None) -> Select[Any]:
    if security_level is not None:
        statement = statement.where(Account.role.has(Role.code == security_level))
    if state is not None:
        statement = statement.where(Account.state == state)
    return statement


def list_resource_recipients(
    session: Session, caller: Caller, *, about: str, resource_ids: list[str]
) -> dict[str, Any]:
    """Provider accounts to e-mail about these resources; none while the provider portal is switched off.

    They want e-mails about assignments (S0-41) or, for `about="capacity"`, may edit the capacity. The address of an account
    that has not accepted its invitation counts as unverified, so that the e-mail shows as suppressed (S0-43).
    """
    is_recipient = (
        Account.can_edit_capacity if about == "capacity" else Account.wants_resource_assigned_emails
    )
    organisation = find_organisation(session, caller.organisation_id)
    statement = (
        select(Account.id, Account.state, Account.email_verified_at)
        .join(Role, Role.id == Account.role_id)
        .where(
            Account.state != "disabled",
            is_recipient.is_(True),
            Role.realm == rules.PROVIDER,
            Account.id.in_(
                select(ResourceAssignment.account_id).where(
                    ResourceAssignment.resource_id.in_(resource_ids),
                    ResourceAssignment.suspended_at.is_(None),
                    ResourceAssignment.organisation_id == caller.organisation_id,
                )
            ),
        )
        .order_by(Account.id)
    )
    rows: Sequence[Any] = (
        session.execute(statement).all() if rules.portal_is_open(organisation.features) else []
    )
    recipients = [
        {
            "account_id": row.id,
            "email_is_verified": row.state == "active" and row.email_verified_at is not None,
        }
        for row in rows
    ]
    return {"organisation_name": organisation.name, "recipients": recipients}


def describe_account(session: Session, caller: Caller, *, account_id: str) -> dict[str, Any]:
    """Name and e-mail address of an account, for another service. Raises Refused(not_found)."""
    account = find_account(session, account_id)
    organisation = find_organisation(session, caller.organisation_id)
    return {
        "account_id": account.id,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "email": account.email,
        "email_is_verified": account.email_verified_at is not None,
        "realm": account.realm,
        "language": account.language,
        "person_id": account.person_id,
        "state": account.state,
        "can_sign": workforce.may(session, caller, account.id, SIGNS),
        "organisation_name": organisation.name,
        "features": organisation.features,
    }


def describe_authors(session: Session, caller: Caller, *, account_ids: list[str]) -> dict[str, Any]:
    """The authors with these ids, as others may know them."""
    organisation = find_organisation(session, caller.organisation_id)
    authors = authors_among(session, set(account_ids))
    return {"organisation_name": organisation.name, "authors": authors}
