"""Which accounts are told of something, by what each may see now."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.identity.employees.entry import SUPERVISOR
from services.identity.models import Account, Grant, Relationship, Role, in_effect
from services.identity.passports.standing import account_standing
from services.identity.realms.rules import PORTAL_REALMS, STAFF

_SEES_SCHEDULE = "profile.view_schedule"
_MOST = 100  # accounts of one person or role


def list_person_recipients(
    session: Session, caller: Caller, *, person_id: str, booked_by: str | None
) -> dict[str, Any]:
    """The accounts that are told what concerns a person. An account that has been invited is named, as unverified."""
    now = utc_now()
    persons = _accounts(session, Account.person_id == person_id, Account.realm.in_(PORTAL_REALMS))
    # Who has booked; where the person has no account, everybody who may see the schedule.
    looking_after = Account.id == booked_by if persons else _is_granted(person_id, now)
    related = select(Relationship.account_id).where(
        Relationship.person_id == person_id,
        Relationship.kind == SUPERVISOR,
        Relationship.starts_at <= now,
        or_(Relationship.ends_at.is_(None), Relationship.ends_at > now),
    )
    told = {each.id: each for each in persons}
    for account in _accounts(session, looking_after, Account.realm.in_(PORTAL_REALMS)):
        profile = _profile(session, caller, account, person_id, now)
        if profile and profile["role"] != SUPERVISOR and _SEES_SCHEDULE in profile["permissions"]:
            told[account.id] = account
    supervisors = [
        each
        for each in _accounts(session, Account.id.in_(related))
        if (_profile(session, caller, each, person_id, now) or {}).get("role") == SUPERVISOR
    ]
    return {"persons": _recipients(told.values()), "supervisors": _recipients(supervisors)}


def list_role_recipients(session: Session, _caller: Caller, *, role_id: str) -> dict[str, Any]:
    """The accounts of the staff that hold a role. Raises Refused(not_found)."""
    if session.scalar(select(Role.id).where(Role.id == role_id, Role.realm == STAFF)) is None:
        raise Refused("not_found", "There is no such role of the staff.", field="role_id")
    return {"recipients": _recipients(_accounts(session, Account.role_id == role_id))}


def _accounts(session: Session, *conditions: ColumnElement[bool]) -> Sequence[Account]:
    statement = select(Account).where(Account.state != "disabled", *conditions)
    return session.scalars(statement.order_by(Account.id).limit(_MOST)).all()


def _is_granted(person_id: str, now: datetime.datetime) -> ColumnElement[bool]:
    return Account.id.in_(select(Grant.account_id).where(Grant.person_id == person_id, in_effect(now)))


def _profile(
    session: Session, caller: Caller, account: Account, person_id: str, now: datetime.datetime
) -> dict[str, Any] | None:
    """The person's profile as the account reaches it now; None where it does not."""
    _, scope = account_standing(session, caller, account.id, now)
    return next((each for each in scope.get("profiles", []) if each["person_id"] == person_id), None)


def _recipients(accounts: Iterable[Account]) -> list[dict[str, Any]]:
    return [
        {
            "account_id": each.id,
            "email_is_verified": each.state == "active" and each.email_verified_at is not None,
        }
        for each in accounts
    ]
