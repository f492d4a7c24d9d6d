"""Accounts of people in the portals: opening one, inviting, changing the log-in. Steps inside a transaction."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import accounts as contract
from services.contracts.identity import credentials
from services.identity.credentials import end_sessions, invite, void_links
from services.identity.models import Account, Invitation, Person
from services.identity.people import rules
from services.identity.people.grants import actor
from services.identity.people.models import LoginChange
from services.identity.people.realms import rules_of
from services.identity.rules import normal_login


def load_person(unit: UnitOfWork, person_id: str) -> Person:
    """The person, locked until the transaction ends. Raises Refused(not_found)."""
    person: Person | None = unit.session.scalar(
        select(Person).where(Person.id == person_id).with_for_update()
    )
    if person is None:
        raise Refused("not_found", "There is no such person.")
    return person


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

    Where the realm logs in by e-mail that is the login and must be the only one (S1-4, S1-5); where it has usernames
    the e-mail may be missing or shared (C1). `field`: what the request calls the log-in, if not as the realm does.
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
        login=normal_login(named),
        email=email.strip() if email else None,
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
    """Give the person's accounts the person's name, by which lists, signatures and "who opened my record" call them."""
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


def send_invitation(unit: UnitOfWork, account: Account) -> Invitation:
    """Invite in the realm's style: with a temporary password (S1-16) or a link. What was sent before is void (S1-17)."""
    void_links(unit, account.id)
    style = rules_of(unit.session, account.organisation_id, account.realm).invitation_style
    return invite(
        unit, account, rules.TEMPORARY_PASSWORD if style == rules.TEMPORARY_PASSWORD else "invitation"
    )


def change_login_email(unit: UnitOfWork, person: Person, account: Account, email: str) -> None:
    """Change the log-in e-mail of an account and the person's e-mail with it: one audited operation (S1-19, S1-20).

    Whoever controls the address controls the account: so it takes a fresh proof of the caller, the address before it
    gets a notice, sessions and unused secrets end, and who has never logged in is invited at the new address.
    Raises Refused(proof_required, login_taken).
    """
    if unit.caller is not None and unit.caller.kind == "account":
        unit.caller.require_proof()
    email = email.strip()
    if person.email != email:
        person.email = email
        person.version += 1
    if account.email == email:
        return
    before, account.email = account.email, email
    account.version += 1
    change = LoginChange(
        id=wire.new_id(),
        account_id=account.id,
        email_before=before or account.login,
        changed_by=actor(unit),
        changed_at=unit.now,
    )
    if rules_of(unit.session, account.organisation_id, account.realm).login_id == rules.EMAIL:
        account.login = normal_login(email)
    account.email_verified_at = None
    flush_login(unit, "email")
    unit.add(change)
    end_sessions(unit, account.id, "login_changed")
    void_links(unit, account.id)
    unit.audit("account.login_changed", "account", account.id, change_id=change.id, person_id=person.id)
    unit.publish(
        credentials.login_email_changed,
        account.id,
        {"account_id": account.id, "change_id": change.id},
    )
    if account.last_login_at is None and account.state != "disabled":
        send_invitation(unit, account)
