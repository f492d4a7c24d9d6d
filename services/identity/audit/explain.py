"""Explanations: why an account may do something, who can see something, what removing an assignment or grant costs."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, SQLColumnExpression, cast, literal, null, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from services.chassis.models import UtcDateTime
from services.chassis.passports import Caller
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.identity.audit import emergency, rules
from services.identity.audit.employee_access import employee_steps
from services.identity.audit.rules import GrantFacts, Step
from services.identity.models import (
    Account,
    Grant,
    Organisation,
    Person,
    Relationship,
    ResourceAssignment,
    Role,
    RolePermission,
    in_effect,
)
from services.identity.realms.rules import (
    EMPLOYEE,
    PORTAL_REALMS,
    PROVIDER,
    STAFF,
    is_in_force,
    portal_is_open,
    switched_on,
)
from services.identity.registry.accounts import account_name, find_account
from services.identity.registry.people import find_person
from services.identity.relationships.profiles import not_discharged, permissions_over, profiles_of
from services.identity.sessions.models import LoginSession

# The accounts that see something by one path.
Path = Select[*tuple[Any, ...]]
# The permissions that let an account see referrals and profiles.
SEE_REFERRALS, SEE_PERSON = "referral.read", "person.read"


def explain_access(
    session: Session,
    caller: Caller,
    agency_id: str | None,
    *,
    account_id: str,
    permission: str,
    resource_id: str | None,
    person_id: str | None,
) -> dict[str, Any]:
    """Every condition that decides whether the account has the permission. `agency_id` is the resource's agency.

    Raises Refused(not_found) for an account or person that does not exist.
    """
    account = find_account(session, account_id)
    if person_id:
        find_person(session, person_id, "person_id")
    now = utc_now()
    steps = [rules.account_step(account.state)]
    if account.realm in PORTAL_REALMS:
        steps += _portal_steps(session, account, permission, resource_id, person_id, now)
    else:
        steps += _workforce_steps(session, caller, account, permission, resource_id, person_id, agency_id)
    allowed = rules.is_allowed(steps)
    exception = _emergency_step(session, account, permission, person_id, now)
    if exception is not None:
        steps.append(exception)
        allowed = allowed or steps[0].holds
    return {
        "account_id": account.id,
        "permission": permission,
        "is_allowed": allowed,
        "steps": steps,
    }


def _workforce_steps(
    session: Session,
    caller: Caller,
    account: Account,
    permission: str,
    resource_id: str | None,
    person_id: str | None,
    agency_id: str | None,
) -> list[Step]:
    features = session.scalars(
        select(Organisation.features).where(Organisation.id == caller.organisation_id)
    ).one()
    role = account.role
    held = set(
        session.scalars(
            select(RolePermission.permission).where(RolePermission.role_id == (role.id if role else None))
        )
    )
    steps = rules.workforce_steps(
        account.realm, role.code if role else None, held, switched_on(account), features, permission
    )
    if account.realm != PROVIDER:
        if resource_id or person_id:
            steps.append(Step("reach", True, "staff reach everything of the organisation"))
    elif resource_id:
        assignments = {row.resource_id: (row.created_at, row.suspended_at) for row in account.assignments}
        steps.append(rules.assignment_step(assignments, resource_id, agency_id))
    elif person_id:
        steps.append(Step("reach", False, "providers reach no profiles"))
    return steps


def _portal_steps(
    session: Session,
    account: Account,
    permission: str,
    resource_id: str | None,
    person_id: str | None,
    now: datetime.datetime,
) -> list[Step]:
    if resource_id:
        return [Step("reach", False, "accounts of a portal reach no resources")]
    statement = (
        select(Grant, Role, Person.disabled_at, not_discharged(now))
        .join(Role, Role.id == Grant.role_id)
        .join(Person, Person.id == Grant.person_id)
        .join(Account, Account.id == Grant.account_id)
        .where(Grant.account_id == account.id)
    )
    if person_id:
        statement = statement.where(Grant.person_id == person_id)
    found = session.execute(statement).all()
    held: dict[str, set[str]] = {}
    for role_id, held_permission in session.execute(
        select(RolePermission.role_id, RolePermission.permission).where(
            RolePermission.role_id.in_({role.id for _, role, _, _ in found})
        )
    ):
        held.setdefault(role_id, set()).add(held_permission)
    facts = [
        GrantFacts(
            role=role.code,
            permissions=frozenset(held.get(role.id, ())),
            starts_at=grant.starts_at,
            ends_at=grant.ends_at,
            revoked_at=grant.revoked_at,
            role_is_disabled=role.disabled_at is not None,
            person_is_disabled=person_disabled_at is not None,
            person_is_discharged=not is_as_granted,
        )
        for grant, role, person_disabled_at, is_as_granted in found
    ]
    steps = rules.grant_steps(facts, permission, now)
    if account.realm == EMPLOYEE:
        return employee_steps(session, account, person_id, permission, steps, now)
    return steps


def _emergency_step(
    session: Session, account: Account, permission: str, person_id: str | None, now: datetime.datetime
) -> Step | None:
    """The emergency access to this person that one of the account's sessions has; None without one or a person."""
    if not person_id:
        return None
    sessions = session.scalars(
        select(LoginSession.emergency).where(
            LoginSession.account_id == account.id,
            LoginSession.ended_at.is_(None),
            LoginSession.expires_at > now,
        )
    )
    for given in sessions:
        for each in emergency.in_effect(given, now):
            if each["object_id"] == person_id and each["permission"] == permission:
                until = datetime.datetime.fromtimestamp(each["until"], datetime.UTC)
                return Step("emergency", True, "in one session", ends_at=until)
    return None


def list_who_can_see(
    session: Session,
    caller: Caller,
    agency_id: str | None,
    *,
    resource_id: str | None,
    person_id: str | None,
    after: str | None,
    limit: int,
) -> dict[str, Any]:
    """Accounts that see the resource's referrals or the person, by id and each once, with what lets it.

    Raises Refused(not_found) for a person of another organisation.
    """
    now = utc_now()
    if resource_id:
        features = session.scalars(
            select(Organisation.features).where(Organisation.id == caller.organisation_id)
        ).one()
        if not is_in_force(SEE_REFERRALS, features):
            return {"items": [], "next": None}
        paths = [_by_role(SEE_REFERRALS)]
        if portal_is_open(features):
            paths += _by_assignment(caller, resource_id, agency_id)
    else:
        assert person_id is not None  # noqa: S101 - the operation's declaration asks for one of the two
        find_person(session, person_id, "person_id")
        paths = [_by_role(SEE_PERSON), _by_grant(caller, person_id, now)]
        paths.append(_by_supervision(caller, person_id, now))
    found = union_all(*paths).subquery()
    rows = session.execute(
        select(Account, found.c.by, found.c.starts_at, found.c.ends_at)
        .join(found, found.c.account_id == Account.id)
        .where(Account.state == "active", Account.id > (after or ""))
        .order_by(Account.id, found.c.rank)
    ).all()
    items: dict[str, dict[str, Any]] = {}
    for account, by, starts_at, ends_at in rows:
        if account.id not in items and len(items) > limit:
            break
        items.setdefault(
            account.id,
            {
                "account_id": account.id,
                "name": account_name(account),
                "realm": account.realm,
                "role": account.role.code if account.role else None,
                "by": by,
                "starts_at": starts_at,
                "ends_at": ends_at,
            },
        )
    page = list(items.values())[:limit]
    return {"items": page, "next": page[-1]["account_id"] if len(items) > len(page) else None}


def _path(
    rank: int,
    by: str,
    account_id: SQLColumnExpression[str],
    starts_at: SQLColumnExpression[datetime.datetime],
    ends_at: SQLColumnExpression[datetime.datetime | None],
) -> Path:
    """One path; an account on several paths is listed with the one of the lowest rank."""
    return select(
        account_id.label("account_id"),
        literal(rank).label("rank"),
        literal(by).label("by"),
        starts_at.label("starts_at"),
        ends_at.label("ends_at"),
    )


def _by_role(permission: str) -> Path:
    holder = aliased(Account)
    holds = select(RolePermission.role_id).where(RolePermission.permission == permission)
    return (
        _path(0, "role", holder.id, holder.created_at, _no_moment())
        .join(Role, Role.id == holder.role_id)
        .where(Role.realm == STAFF, Role.id.in_(holds))
    )


def _by_assignment(caller: Caller, resource_id: str, agency_id: str | None) -> list[Path]:
    holds = select(RolePermission.role_id).where(RolePermission.permission == SEE_REFERRALS)
    paths = []
    for rank, by, wanted in ((1, "assignment", resource_id), (2, "assignment_of_agency", agency_id)):
        if wanted is None or (rank == 2 and wanted == resource_id):
            continue
        paths.append(
            _path(rank, by, ResourceAssignment.account_id, ResourceAssignment.created_at, _no_moment())
            .join(Account, Account.id == ResourceAssignment.account_id)
            .where(
                ResourceAssignment.resource_id == wanted,
                ResourceAssignment.suspended_at.is_(None),
                ResourceAssignment.organisation_id == caller.organisation_id,
                Account.role_id.in_(holds),
                Account.realm == PROVIDER,
            )
        )
    return paths


def _by_grant(caller: Caller, person_id: str, now: datetime.datetime) -> Path:
    return (
        _path(1, "grant", Grant.account_id, Grant.starts_at, Grant.ends_at)
        .join(Role, Role.id == Grant.role_id)
        .join(Person, Person.id == Grant.person_id)
        .join(Account, Account.id == Grant.account_id)
        .where(
            Grant.person_id == person_id,
            Grant.organisation_id == caller.organisation_id,
            in_effect(now),
            not_discharged(now),
            Role.disabled_at.is_(None),
            Person.disabled_at.is_(None),
        )
    )


def _by_supervision(caller: Caller, person_id: str, now: datetime.datetime) -> Path:
    return _path(
        2, "supervisor", Relationship.account_id, Relationship.starts_at, Relationship.ends_at
    ).where(
        Relationship.person_id == person_id,
        Relationship.kind == "supervisor",
        Relationship.organisation_id == caller.organisation_id,
        Relationship.starts_at <= now,
        or_(Relationship.ends_at.is_(None), Relationship.ends_at > now),
    )


def _no_moment() -> SQLColumnExpression[datetime.datetime | None]:
    """NULL with the type of a time, so that a union can hold it beside times."""
    return cast(null(), UtcDateTime())


def names_of(session: Session, account_ids: Sequence[str]) -> dict[str, str]:
    """Names of accounts by id, for people who ask who opened their record. They must not learn logins."""
    rows = session.execute(
        select(Account.id, Account.first_name, Account.last_name).where(Account.id.in_(account_ids))
    )
    return {account_id: " ".join(name for name in names if name) for account_id, *names in rows if any(names)}


def resource_of_assignment(session: Session, *, account_id: str, assignment_id: str | None) -> str | None:
    """The resource of the account's assignment; None where the question is about a grant.

    Raises Refused(not_found).
    """
    account = find_account(session, account_id)
    return None if assignment_id is None else _assignment_of(account, assignment_id).resource_id


def _assignment_of(account: Account, assignment_id: str) -> ResourceAssignment:
    for assignment in account.assignments:
        if assignment.id == assignment_id:
            return assignment
    raise Refused("not_found", "The account has no such assignment.")


def preview_removal(
    session: Session,
    _caller: Caller,
    agency_id: str | None,
    *,
    account_id: str,
    assignment_id: str | None,
    grant_id: str | None,
    person_id: str | None,
) -> dict[str, Any]:
    """What the account would lose with an assignment or a grant. Raises Refused(not_found).

    `agency_id` is the agency of the assigned resource.
    """
    account = find_account(session, account_id)
    if assignment_id is None:
        return _without_grant(session, account, grant_id, person_id)
    assignment = _assignment_of(account, assignment_id)
    others = [row for row in account.assignments_in_effect if row.id != assignment_id]
    is_in_effect = len(others) < len(account.assignments_in_effect)
    by_agency = agency_id is not None and any(row.resource_id == agency_id for row in others)
    return _loss(
        account,
        resource_ids=[assignment.resource_id] if is_in_effect and not by_agency else [],
        is_still_reached_by_agency=by_agency,
        assignments_left=len(others),
    )


def _without_grant(
    session: Session, account: Account, grant_id: str | None, person_id: str | None
) -> dict[str, Any]:
    which = Grant.id == grant_id if grant_id else Grant.person_id == person_id
    grant = session.scalar(
        select(Grant).where(which, Grant.account_id == account.id, Grant.revoked_at.is_(None))
    )
    if grant is None:
        raise Refused("not_found", "The account has no such grant.")
    now = profiles_of(session, account.id, utc_now())
    left = [profile for profile in now if profile["person_id"] != grant.person_id]
    return _loss(
        account,
        person_ids=[grant.person_id] if len(left) < len(now) else [],
        permissions=sorted(set(permissions_over(now)) - set(permissions_over(left))),
        profiles_left=len(left),
    )


def _loss(account: Account, **lost: Any) -> dict[str, Any]:
    nothing = {
        "resource_ids": [],
        "person_ids": [],
        "permissions": [],
        "is_still_reached_by_agency": False,
        "assignments_left": len(account.assignments_in_effect),
        "profiles_left": 0,
    }
    return {"account_id": account.id, **nothing, **lost}
