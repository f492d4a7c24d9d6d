"""Changing the e-mail that an account logs in with."""

from __future__ import annotations

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.identity import credentials
from services.contracts.spelling import login_key
from services.identity.credentials.invitations import send_invitation, void_links
from services.identity.credentials.models import LoginChange
from services.identity.models import Account, Person
from services.identity.realms import rules
from services.identity.realms.queries import rules_of
from services.identity.registry.accounts import flush_login
from services.identity.sessions.handlers import end_sessions


def change_login_email(unit: UnitOfWork, person: Person, account: Account, email: str) -> None:
    """Change the log-in e-mail of an account and the person's e-mail in one audited operation (S1-19, S1-20).

    The owner of the address controls the account. Therefore the caller must have proved its identity recently, a notice
    goes to the address before, and sessions and unused secrets end. An account that has never logged in is invited
    again, at the new address.
    Raises Refused(proof_required, login_taken).
    """
    _require_proof(unit)
    if person.email != email:
        person.email = email
        person.version += 1
    if account.email != email:
        change_account_email(unit, account, email, person_id=person.id)


def change_account_email(unit: UnitOfWork, account: Account, email: str, **about: str) -> None:
    """Change the e-mail of an account, under the conditions of `change_login_email`. `about` are facts for the audit row."""
    _require_proof(unit)
    before, account.email = account.email, email
    account.version += 1
    change = LoginChange(
        id=wire.new_id(),
        account_id=account.id,
        email_before=before or account.login,
        changed_by=unit.actor_id,
        changed_at=unit.now,
    )
    if rules_of(unit.session, account.organisation_id, account.realm).login_id == rules.EMAIL:
        account.login = login_key(email)
    account.email_verified_at = None
    flush_login(unit, "email")
    unit.add(change)
    end_sessions(unit, account.id, "login_changed")
    void_links(unit, account.id)
    unit.audit("account.login_changed", "account", account.id, change_id=change.id, **about)
    unit.publish(
        credentials.login_email_changed,
        account.id,
        {"account_id": account.id, "change_id": change.id},
    )
    if account.last_login_at is None and account.state != "disabled":
        send_invitation(unit, account)


def _require_proof(unit: UnitOfWork) -> None:
    if unit.caller is not None and unit.caller.kind == "account":
        unit.caller.require_proof()
