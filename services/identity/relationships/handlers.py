"""Setting and ending relationships between accounts and people."""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import or_, select

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.spelling import login_key
from services.identity.models import Account, Person, Relationship
from services.identity.realms import granting
from services.identity.realms.rules import EMPLOYEE
from services.identity.registry import rules
from services.identity.registry.accounts import find_account
from services.identity.registry.people import find_person
from services.identity.relationships.grants import find_open, open_grant, roles_of

BY_STAFF = "staff"
SUPERVISOR = "supervisor"
OWN = ("self", "portal_user")


def set_relationship(
    unit: UnitOfWork,
    *,
    account_id: str,
    person_id: str,
    kind: str,
    starts_at: datetime.datetime | None,
    ends_at: datetime.datetime | None,
) -> Relationship:
    """Relate an account and a person.

    A supervisor reaches the person's profile, so the caller must hold what that role permits beyond profiles. An employee
    who is related to themselves in both ways (S2-31) gets the role of employees, unless they have one.
    Raises Refused(not_found, own_rights, right_not_held, relationship_exists).
    """
    granting.require_somebody_else(unit, account_id)
    account = find_account(unit.session, account_id)
    if kind == SUPERVISOR:
        granting.require_realm_held(unit, EMPLOYEE)
    person = find_person(unit.session, person_id)
    rules.check_span(starts_at or unit.now, ends_at, unit.now)
    if _find_open(unit, account.id, person.id, kind) is not None:
        raise Refused("relationship_exists", "They are related in this way already.", field="kind")
    relationship = relate(unit, account, person, kind, BY_STAFF, starts_at=starts_at, ends_at=ends_at)
    if account.realm == EMPLOYEE and account.person_id == person.id:
        _let_in(unit, account, person)
    return relationship


def _let_in(unit: UnitOfWork, account: Account, person: Person) -> None:
    """Give an employee who is related to themselves in both ways the role of employees, unless they have one."""
    is_related = all(_find_open(unit, account.id, person.id, kind) for kind in OWN)
    if not is_related or find_open(unit, account.id, person.id) is not None:
        return
    for role in roles_of(unit, EMPLOYEE):  # the organisation may have switched it off
        if role.code == EMPLOYEE:
            granting.require_role_held(unit, role, field="kind")
            open_grant(unit, account, person, role)


def relate(
    unit: UnitOfWork,
    account: Account,
    person: Person,
    kind: str,
    source: str,
    *,
    starts_at: datetime.datetime | None = None,
    ends_at: datetime.datetime | None = None,
) -> Relationship:
    """Relate an account and a person, unless they are already. `source` says where it comes from: staff, a feed, a step."""
    present = _find_open(unit, account.id, person.id, kind)
    if present is not None:
        return present
    relationship = Relationship(
        id=wire.new_id(),
        account_id=account.id,
        person_id=person.id,
        kind=kind,
        source=source,
        starts_at=starts_at or unit.now,
        ends_at=ends_at,
        created_at=unit.now,
    )
    unit.add(relationship)
    unit.audit(
        "relationship.set",
        "relationship",
        relationship.id,
        account_id=account.id,
        person_id=person.id,
        kind=kind,
        source=source,
    )
    return relationship


def let_stand_in(
    unit: UnitOfWork, *, account_id: str, login: str, ends_at: datetime.datetime
) -> dict[str, Any]:
    """Let the employee of this log-in supervise until then whom an account supervises now (S2-14).

    Each is a relationship of its own, so it can be ended, explained and merged as any other.
    Raises Refused(not_found, own_rights, right_not_held, invalid_request).
    """
    supervisor = find_account(unit.session, account_id)
    surrogate = unit.session.scalar(
        select(Account).where(
            Account.organisation_id == unit.organisation_id,
            Account.realm == EMPLOYEE,
            Account.login == login_key(login),
            Account.state != "disabled",
        )
    )
    if surrogate is None or surrogate.id == supervisor.id:
        raise Refused("not_found", "No other employee signs in by this.", field="login")
    granting.require_somebody_else(unit, surrogate.id)
    granting.require_realm_held(unit, EMPLOYEE)
    rules.check_span(unit.now, ends_at, unit.now)
    supervised = select(Relationship.person_id).where(
        Relationship.account_id == supervisor.id,
        Relationship.kind == SUPERVISOR,
        Relationship.starts_at <= unit.now,
        or_(Relationship.ends_at.is_(None), Relationship.ends_at > unit.now),
        Relationship.person_id != surrogate.person_id,
    )
    team = unit.session.scalars(select(Person).where(Person.id.in_(supervised)).order_by(Person.id)).all()
    if not team:
        raise Refused("not_found", "This account supervises nobody now.", field="account_id")
    return {"items": [relate(unit, surrogate, each, SUPERVISOR, BY_STAFF, ends_at=ends_at) for each in team]}


def end_relationship(unit: UnitOfWork, *, relationship_id: str) -> Relationship:
    """End a relationship now, unless it is over. Raises Refused(not_found)."""
    relationship: Relationship | None = unit.session.scalar(
        select(Relationship).where(Relationship.id == relationship_id).with_for_update()
    )
    if relationship is None:
        raise Refused("not_found", "There is no such relationship.")
    if relationship.ends_at is None or relationship.ends_at > unit.now:
        relationship.ends_at = max(unit.now, relationship.starts_at)
        unit.audit("relationship.ended", "relationship", relationship.id, person_id=relationship.person_id)
    return relationship


def _find_open(unit: UnitOfWork, account_id: str, person_id: str, kind: str) -> Relationship | None:
    found: Relationship | None = unit.session.scalar(
        select(Relationship).where(
            Relationship.account_id == account_id,
            Relationship.person_id == person_id,
            Relationship.kind == kind,
            or_(Relationship.ends_at.is_(None), Relationship.ends_at > unit.now),
        )
    )
    return found
