"""Accounts that follow an employment: opened when an employee is registered (S2-120), closed when the employment ends.

A new account reaches nothing yet (S2-121).
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.spelling import login_key
from services.identity.accounts import state
from services.identity.employees.entry import entry_of
from services.identity.employees.supervision import supervise
from services.identity.models import Account, Person
from services.identity.realms.queries import rules_of
from services.identity.realms.rules import EMAIL, EMPLOYEE, login_space
from services.identity.registry.accounts import add_portal_account, find_portal_account

EMPLOYMENT_ENDED = "employment_ended"


def open_when_registered(unit: UnitOfWork, person: Person, kinds: Collection[str]) -> Account | None:
    """Open an account for a person who has just been registered as an employee, if the organisation wants that.

    No invitation is sent and no relationship is set: staff or a pick-up code do that. Where the portal logs in by e-mail,
    a person whose e-mail is missing or another account's login gets no account; the audit trail says so.
    """
    if EMPLOYEE not in kinds:
        return None
    if not entry_of(unit.session, str(unit.organisation_id), EMPLOYEE).opens_accounts:
        return None
    account = open_account(unit, person)
    if account is not None:
        supervise(unit, account)
    return account


def open_account(unit: UnitOfWork, person: Person) -> Account | None:
    """The employee's account; it is opened unless there is one. None where the person has no login or it is taken.

    It supervises nobody yet: `supervise` lets it, and the feed does for all employees at once.
    """
    present = find_portal_account(unit, EMPLOYEE, person.id)
    if present is not None:
        return present
    realm_rules = rules_of(unit.session, str(unit.organisation_id), EMPLOYEE)
    login = person.email if realm_rules.login_id == EMAIL else person.number
    if login is None or _is_taken(unit, login):
        unit.audit("account.not_opened", "person", person.id, reason="taken" if login else "no_email")
        return None
    return add_portal_account(unit, EMPLOYEE, person, login=login, email=person.email)


def close_account(unit: UnitOfWork, person: Person) -> None:
    """Disable the account of somebody who is no longer an employee, with its sessions and links."""
    account = find_portal_account(unit, EMPLOYEE, person.id)
    if account is None or account.state == "disabled":
        return
    state.disable(unit, account, because=EMPLOYMENT_ENDED)
    unit.audit("account.disabled", "account", account.id, person_id=person.id, reason=EMPLOYMENT_ENDED)


def reopen_account(unit: UnitOfWork, person: Person) -> None:
    """Enable the account of somebody who is an employee again. One that staff have disabled stays so."""
    account = find_portal_account(unit, EMPLOYEE, person.id)
    if account is None or account.state != "disabled" or account.disabled_for != EMPLOYMENT_ENDED:
        return
    state.enable(unit, account)
    unit.audit("account.enabled", "account", account.id, person_id=person.id, state=account.state)


def _is_taken(unit: UnitOfWork, login: str) -> bool:
    return (
        unit.session.scalar(
            select(Account.id).where(
                Account.login_space == login_space(EMPLOYEE), Account.login == login_key(login)
            )
        )
        is not None
    )
