"""Accounts as every subject needs them: finding, locking, showing, and opening one for a person."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, lazyload

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import accounts as contract
from services.contracts.spelling import login_key
from services.identity.models import Account, Organisation, Person
from services.identity.realms import rules
from services.identity.realms.queries import rules_of
from services.identity.realms.rules import WORKFORCE


def load_account(unit: UnitOfWork, account_id: str) -> Account:
    """The account, locked until the transaction ends. Raises Refused(not_found)."""
    statement = select(Account).where(Account.id == account_id).with_for_update(of=Account)
    account: Account | None = unit.session.scalar(statement)
    if account is None:
        raise Refused("not_found", "There is no such account.")
    return account


# For reading only an account's own columns, without its role and assignments.
COLUMNS_ONLY = (lazyload(Account.role), lazyload(Account.assignments))


def account_view(account: Account) -> dict[str, Any]:
    """The members of the contract's Account. Provider settings show only at the saved provider level (S0-19)."""
    view = {
        "id": account.id,
        "version": account.version,
        "login": account.login,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "realm": account.realm,
        "security_level": account.role.code if account.role else None,
        "state": account.state,
        "email_is_verified": account.email_verified_at is not None,
        "wants_resource_assigned_emails": account.wants_resource_assigned_emails,
        "last_login_at": account.last_login_at,
    }
    if account.realm == rules.PROVIDER:
        view["resources"] = account.assignments_in_effect
        view["switches"] = account
    return view


def account_name(account: Account) -> str:
    """The first and last name as far as they are known; the login where neither is."""
    return " ".join(name for name in (account.first_name, account.last_name) if name) or account.login


def find_login(
    session: Session, organisation_key: str, login: str, login_space: str = WORKFORCE
) -> tuple[Organisation | None, Account | None]:
    """Organisation and account of a login, None for what does not exist. The session is of no organisation.

    Of several accounts that had the login, it is the one that is not disabled, else the latest. Both statements always run,
    so that an unknown organisation takes as long as a known one.
    """
    organisation = session.scalar(select(Organisation).where(Organisation.key == organisation_key))
    organisation_id = organisation.id if organisation else ""
    account = session.scalar(
        select(Account)
        .where(
            Account.organisation_id == organisation_id,
            Account.login_space == login_space,
            Account.login == login,
        )
        .order_by(Account.state == "disabled", Account.created_at.desc())
        .limit(1)
        .options(*COLUMNS_ONLY)
    )
    return organisation, account


def find_account(session: Session, account_id: str) -> Account:
    """The account. Raises Refused(not_found)."""
    account: Account | None = session.scalar(select(Account).where(Account.id == account_id))
    if account is None:
        raise Refused("not_found", "There is no such account.")
    return account


def find_portal_account(unit: UnitOfWork, realm: str, person_id: str) -> Account | None:
    """The person's account of a realm, locked."""
    account: Account | None = unit.session.scalar(
        select(Account)
        .where(Account.realm == realm, Account.person_id == person_id)
        .with_for_update(of=Account)
    )
    return account


def add_portal_account(
    unit: UnitOfWork,
    realm: str,
    person: Person,
    *,
    login: str | None,
    email: str | None,
    field: str | None = None,
) -> Account:
    """Open a person's account in a portal. It reaches nothing yet.

    Where the realm logs in by e-mail, the e-mail is the login and must be unique (S1-4, S1-5). Where it has usernames,
    the e-mail may be missing or shared (C1). `field` is the request's name of the log-in, if it differs from the realm's.
    Raises Refused(invalid_request, login_taken).
    """
    realm_rules = rules_of(unit.session, str(unit.organisation_id), realm)
    named = email if realm_rules.login_id == rules.EMAIL else login
    field = field or ("email" if realm_rules.login_id == rules.EMAIL else "login")
    if named is None:
        raise Refused(
            "invalid_request", f"{field}: people of this portal log in with it, so it is needed.", field=field
        )
    account = Account(
        id=wire.new_id(),
        organisation_id=unit.organisation_id,
        realm=realm,
        login_space=rules.login_space(realm),
        person_id=person.id,
        login=login_key(named),
        email=email,
        first_name=person.first_name,
        last_name=person.last_name,
        state="invited",
        created_at=unit.now,
        assignments=[],
    )
    unit.add(account)
    flush_login(unit, field)
    unit.audit("account.created", "account", account.id, realm=realm, person_id=person.id)
    unit.publish(contract.account_created, account.id, {"account_id": account.id})
    return account


def name_accounts(unit: UnitOfWork, person: Person) -> None:
    """Copy the person's name to the person's accounts: lists, signatures and "who opened my record" show it."""
    for account in unit.session.scalars(
        select(Account).where(Account.person_id == person.id).with_for_update(of=Account)
    ):
        account.first_name, account.last_name = person.first_name, person.last_name
        account.version += 1


def flush_login(unit: UnitOfWork, field: str) -> None:
    """Write a new login. The database decides whether it is free. Raises Refused(login_taken)."""
    try:
        unit.session.flush()
    except IntegrityError:
        raise Refused(
            "login_taken",
            "Another account of this portal uses it to log in: each account needs its own.",
            field=field,
        ) from None
