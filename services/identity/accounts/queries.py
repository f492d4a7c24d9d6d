"""Queries over accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, false, or_, select
from sqlalchemy.orm import Session

from services.chassis.database import begins_with
from services.chassis.passports import Caller
from services.contracts.spelling import login_key, search_key
from services.identity.accounts import workforce
from services.identity.accounts.authors import authors_among
from services.identity.models import ACCOUNTS_BY_NAME, Account, ResourceAssignment, Role
from services.identity.realms import rules
from services.identity.registry.accounts import account_view, find_account
from services.identity.registry.organisations import find_organisation
from services.identity.registry.pages import page_of

MOST_FOUND = 50


def get_account(session: Session, _caller: Caller, *, account_id: str) -> dict[str, Any]:
    """One account. Raises Refused(not_found)."""
    return account_view(find_account(session, account_id))


def list_accounts(
    session: Session,
    _caller: Caller,
    *,
    security_level: str | None,
    state: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """Accounts by last and first name. The cursor is an account's id: names do not belong in URLs."""
    statement = _of(select(Account), security_level, state)
    page, following = page_of(session, statement, ACCOUNTS_BY_NAME, Account.id, after=after, limit=limit)
    return {"items": [account_view(row) for row in page], "next": following}


def search_accounts(
    session: Session, _caller: Caller, *, text: str, security_level: str | None, state: str | None
) -> dict[str, Any]:
    """Accounts of staff and providers, by name: each word of `text` begins a name, or `text` begins the e-mail."""
    words, address = search_key(text).split(), login_key(text)
    names = [
        or_(begins_with(Account.first_name_key, word), begins_with(Account.last_name_key, word))
        for word in words
    ]
    ways = ([and_(*names)] if names else []) + ([begins_with(Account.email_key, address)] if address else [])
    statement = _of(select(Account), security_level, state).where(
        Account.realm.in_(rules.WORKFORCE_REALMS), or_(false(), *ways)
    )
    found = session.scalars(statement.order_by(*ACCOUNTS_BY_NAME).limit(MOST_FOUND)).all()
    return {"items": [account_view(row) for row in found]}


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
        "person_id": account.person_id,
        "state": account.state,
        "can_sign": workforce.may(session, caller, account.id, "document.sign"),
        "organisation_name": organisation.name,
        "features": organisation.features,
    }


def describe_authors(session: Session, caller: Caller, *, account_ids: list[str]) -> dict[str, Any]:
    """The authors with these ids, as others may know them."""
    organisation = find_organisation(session, caller.organisation_id)
    authors = authors_among(session, set(account_ids))
    return {"organisation_name": organisation.name, "authors": authors}
