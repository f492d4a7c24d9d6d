"""Changing the e-mail that an account logs in with."""

from __future__ import annotations

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.identity import credentials
from services.contracts.spelling import login_key
from services.identity.credentials.invitations import send_invitation, void_links
from services.identity.credentials.models import LoginChange
from services.identity.models import Account, Person
from services.identity.realms import granting, rules
from services.identity.realms.queries import rules_of
from services.identity.registry.accounts import flush_login
from services.identity.sessions.handlers import end_sessions


def change_login_email(unit: UnitOfWork, person: Person, account: Account, email: str) -> None:
    """Change the log-in e-mail of an account and the person's e-mail in one audited operation (S1-19, S1-20).

    The owner of the address controls the account. Therefore the caller must have proved its identity recently, a notice
    goes to the address before, and sessions and unused secrets end. An account that has never logged in is invited
    again, at the new address. Links go there, so the caller must hold what the account may do.
    Raises Refused(right_not_held, proof_required, login_taken).
    """
    _require_may_change(unit, account)
    if person.email != email:
        person.email = email
        person.version += 1
    if account.email != email:
        _change(unit, account, email)


def change_account_email(unit: UnitOfWork, account: Account, email: str) -> None:
    """Change the e-mail of an account, under the conditions of `change_login_email`."""
    _require_may_change(unit, account)
    _change(unit, account, email)


def _change(unit: UnitOfWork, account: Account, email: str) -> None:
    set_login_email(unit, account, email)
    if account.last_login_at is None and account.state != "disabled":
        send_invitation(unit, account)


def _require_may_change(unit: UnitOfWork, account: Account) -> None:
    if unit.caller is not None and unit.caller.kind == "account":
        granting.require_account_held(unit, account, field="email")
        unit.caller.require_proof()


def set_login_email(unit: UnitOfWork, account: Account, email: str | None) -> None:
    """Let an account's links, and the log-in where that is the e-mail, follow another address, which is not verified yet.

    A notice goes to the address before, if there was one; sessions and unused secrets end. Raises Refused(login_taken).
    """
    before, account.email = account.email, email
    account.email_verified_at = None
    account.version += 1
    logs_in_by = rules_of(unit.session, account.organisation_id, account.realm).login_id
    if email and logs_in_by == rules.EMAIL:
        account.login = login_key(email)
    flush_login(unit, "email")
    end_sessions(unit, account.id, "login_changed")
    void_links(unit, account.id)
    about = {"person_id": account.person_id} if account.person_id else {}
    if before is None:
        unit.audit("account.login_changed", "account", account.id, **about)
        return
    change_id = note_address(unit, account, before)
    unit.audit("account.login_changed", "account", account.id, change_id=change_id, **about)
    unit.publish(
        credentials.login_email_changed, account.id, {"account_id": account.id, "change_id": change_id}
    )


def tell_closed(unit: UnitOfWork, account: Account) -> None:
    """Tell the owner of an account that was closed because the person has another one."""
    if account.email is not None:
        change_id = note_address(unit, account, account.email)
        unit.publish(
            credentials.account_closed, account.id, {"account_id": account.id, "change_id": change_id}
        )


def note_address(unit: UnitOfWork, account: Account, address: str) -> str:
    """Keep the address that a notice goes to: events must not contain it. Answers the id of the note."""
    change = LoginChange(
        id=wire.new_id(),
        account_id=account.id,
        email_before=address,
        changed_by=unit.actor_id,
        changed_at=unit.now,
    )
    unit.add(change)
    return change.id
