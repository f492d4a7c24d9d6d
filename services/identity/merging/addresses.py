"""The log-ins of accounts after a merge: they follow the address that was chosen. Steps inside a transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.chassis.unit_of_work import UnitOfWork
from services.identity.credentials.invitations import send_invitation
from services.identity.credentials.login_changes import set_login_email
from services.identity.models import Account, Grant, Person
from services.identity.realms.rules import APPLICANT, FAMILY

ENDED_BY_MERGE = "merged"


def follow(unit: UnitOfWork, kept: Person, known: Collection[str | None]) -> list[dict[str, Any]]:
    """Let the accounts that had the address of either record follow the kept record's. Answers what each had before.

    `known` are the addresses of both records. An account with an address of its own keeps it. The former address gets a
    notice; the new one is verified anew, and what staff have attested of the former one does not hold for it. Raises
    Refused(login_taken).
    """
    steps = []
    for account in unit.session.scalars(
        select(Account)
        .where(Account.person_id == kept.id, Account.state != "disabled", Account.realm != APPLICANT)
        .order_by(Account.id)
        .with_for_update(of=Account)
    ).all():
        if kept.email is None or account.email == kept.email or account.email not in known:
            continue
        step = {"account": account.id, "login": account.login, "email": account.email}
        set_login_email(unit, account, kept.email)
        steps.append(step | {"followed": kept.email})
        if account.realm == FAMILY and account.last_login_at is None:
            send_invitation(unit, account)
        for grant in unit.session.scalars(
            select(Grant).where(
                Grant.account_id == account.id, Grant.person_id == kept.id, Grant.revoked_at.is_(None)
            )
        ):
            grant.attested_by = grant.attested_at = None
    return steps


def give_back(unit: UnitOfWork, steps: Iterable[Mapping[str, Any]]) -> int:
    """Undo `follow` where the address has not changed since. Answers how many could not be undone."""
    stayed = 0
    for step in steps:
        account = unit.session.scalar(
            select(Account).where(Account.id == step["account"]).with_for_update(of=Account)
        )
        if account is None or account.email != step["followed"]:
            stayed += 1
            continue
        try:
            with unit.session.begin_nested():
                account.login = step["login"]
                unit.session.flush()
        except IntegrityError:  # somebody else logs in with it by now
            unit.session.refresh(account)
            stayed += 1
            continue
        set_login_email(unit, account, step["email"])
    unit.session.flush()
    return stayed


def reopen(unit: UnitOfWork, step: Mapping[str, Any]) -> bool:
    """Open an account again that the merge has closed.

    False where its log-in is taken by now, or where staff have disabled it since, or the account that was kept beside it.
    """
    account = unit.session.scalar(
        select(Account)
        .where(Account.id == step["account"], Account.state == "disabled")
        .with_for_update(of=Account)
    )
    if account is None:
        return True
    # Steps of earlier versions do not name the account beside, and their accounts do not say what closed them.
    if "beside" in step and (account.disabled_for != ENDED_BY_MERGE or _is_disabled(unit, step["beside"])):
        return False
    try:
        with unit.session.begin_nested():
            account.state, account.login = step["state"], step.get("login", account.login)
            account.disabled_for = None
            account.version += 1
            unit.session.flush()
    except IntegrityError:
        unit.session.refresh(account)
        return False
    return True


def _is_disabled(unit: UnitOfWork, account_id: str | None) -> bool:
    disabled = select(Account.id).where(Account.id == account_id, Account.state == "disabled")
    return account_id is not None and unit.session.scalar(disabled) is not None
