"""Why an account may do something, who can see something, what would be lost with an assignment or a grant."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import cast, literal, null, or_, select, union_all
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
from services.identity.realms.rules import EMPLOYEE, PORTAL_REALMS, PROVIDER, STAFF, portal_is_open
from services.identity.registry.accounts import find_account
from services.identity.registry.people import find_person
from services.identity.relationships.profiles import permissions_over, profiles_of
from services.identity.sessions.models import LoginSession

Request = Mapping[str, Any]
# What it takes to see something of the kind.
SEE_REFERRALS, SEE_PERSON = "referral.read", "person.read"


def explain_access(
    session: Session, caller: Caller, request: Request, agency_id: str | None
) -> dict[str, Any]:
    """Every condition between the account and the permission. `agency_id` is that of the resource asked about.

    Raises Refused(not_found) for an account or person that does not exist.
    """
    account = find_account(session, request["account_id"])
    if request["person_id"]:
        find_person(session, request["person_id"], "person_id")
    now = utc_now()
    steps = [rules.account_step(account.state)]
    if account.realm in PORTAL_REALMS:
        steps += _portal_steps(session, account, request, now)
    else:
        steps += _workforce_steps(session, account, caller, request, agency_id)
    allowed = rules.is_allowed(steps)
    exception = _emergency_step(session, account, request, now)
    if exception is not None:
        steps.append(exception)
        allowed = allowed or steps[0].holds
    return {
        "account_id": account.id,
        "permission": request["permission"],
        "is_allowed": allowed,
        "steps": steps,
    }


def _workforce_steps(
    session: Session, account: Account, caller: Caller, request: Request, agency_id: str | None
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
    switches = {
        "can_edit_capacity": account.can_edit_capacity,
        "can_change_status": account.can_change_status,
    }
    permission = request["permission"]
    steps = rules.workforce_steps(
        account.realm, role.code if role else None, held, switches, features, permission
    )
    if account.realm != PROVIDER:
        if request["resource_id"] or request["person_id"]:
            steps.append(Step("reach", True, "staff reach everything of the organisation"))
    elif request["resource_id"]:
        assignments = {row.resource_id: (row.created_at, row.suspended_at) for row in account.assignments}
        steps.append(rules.assignment_step(assignments, request["resource_id"], agency_id))
    elif request["person_id"]:
        steps.append(Step("reach", False, "providers reach no profiles"))
    return steps


def _portal_steps(session: Session, account: Account, request: Request, now: datetime.datetime) -> list[Step]:
    if request["resource_id"]:
        return [Step("reach", False, "accounts of a portal reach no resources")]
    statement = (
        select(Grant, Role, Person.disabled_at)
        .join(Role, Role.id == Grant.role_id)
        .join(Person, Person.id == Grant.person_id)
        .where(Grant.account_id == account.id)
    )
    if request["person_id"]:
        statement = statement.where(Grant.person_id == request["person_id"])
    found = session.execute(statement).all()
    held: dict[str, set[str]] = {}
    for role_id, permission in session.execute(
        select(RolePermission.role_id, RolePermission.permission).where(
            RolePermission.role_id.in_({role.id for _, role, _ in found})
        )
    ):
        held.setdefault(role_id, set()).add(permission)
    facts = [
        GrantFacts(
            role=role.code,
            permissions=frozenset(held.get(role.id, ())),
            starts_at=grant.starts_at,
            ends_at=grant.ends_at,
            revoked_at=grant.revoked_at,
            role_is_disabled=role.disabled_at is not None,
            person_is_disabled=person_disabled_at is not None,
        )
        for grant, role, person_disabled_at in found
    ]
    steps = rules.grant_steps(facts, request["permission"], now)
    if account.realm == EMPLOYEE:
        return employee_steps(session, account, request["person_id"], request["permission"], steps, now)
    return steps


def _emergency_step(
    session: Session, account: Account, request: Request, now: datetime.datetime
) -> Step | None:
    """Emergency access of one of the account's sessions to this person, where that is what is asked about."""
    if not request["person_id"]:
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
            if each["object_id"] == request["person_id"] and each["permission"] == request["permission"]:
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
    """Accounts by id, each once, with the path by which it sees the resource's referrals or the person.

    Raises Refused(not_found) for a person who is not of the organisation.
    """
    now = utc_now()
    if resource_id:
        paths = [_by_role(SEE_REFERRALS)]
        features = session.scalars(
            select(Organisation.features).where(Organisation.id == caller.organisation_id)
        ).one()
        if portal_is_open(features):
            paths += _by_assignment(caller, resource_id, agency_id)
    else:
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


def _path(rank: int, by: str, account_id: Any, starts_at: Any, ends_at: Any) -> Any:
    return select(
        account_id.label("account_id"),
        literal(rank).label("rank"),
        literal(by).label("by"),
        starts_at.label("starts_at"),
        ends_at.label("ends_at"),
    )


def _by_role(permission: str) -> Any:
    holder = aliased(Account)
    holds = select(RolePermission.role_id).where(RolePermission.permission == permission)
    started = holder.created_at
    return (
        _path(0, "role", holder.id, started, _no_moment())
        .join(Role, Role.id == holder.role_id)
        .where(Role.realm == STAFF, Role.id.in_(holds))
    )


def _by_assignment(caller: Caller, resource_id: str, agency_id: str | None) -> list[Any]:
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


def _by_grant(caller: Caller, person_id: str, now: datetime.datetime) -> Any:
    return (
        _path(1, "grant", Grant.account_id, Grant.starts_at, Grant.ends_at)
        .join(Role, Role.id == Grant.role_id)
        .join(Person, Person.id == Grant.person_id)
        .where(
            Grant.person_id == person_id,
            Grant.organisation_id == caller.organisation_id,
            in_effect(now),
            Role.disabled_at.is_(None),
            Person.disabled_at.is_(None),
        )
    )


def _by_supervision(caller: Caller, person_id: str, now: datetime.datetime) -> Any:
    return _path(
        2, "supervisor", Relationship.account_id, Relationship.starts_at, Relationship.ends_at
    ).where(
        Relationship.person_id == person_id,
        Relationship.kind == "supervisor",
        Relationship.organisation_id == caller.organisation_id,
        Relationship.starts_at <= now,
        or_(Relationship.ends_at.is_(None), Relationship.ends_at > now),
    )


def _no_moment() -> Any:
    """An empty time that a union can hold beside real ones."""
    return cast(null(), UtcDateTime())


def account_name(account: Account) -> str:
    """First and last name as far as they are known, else the login."""
    return " ".join(name for name in (account.first_name, account.last_name) if name) or account.login


def names_of(session: Session, account_ids: Sequence[str]) -> dict[str, str]:
    """Names of accounts by id, for people who ask who opened their record. A login is not told to them."""
    rows = session.execute(
        select(Account.id, Account.first_name, Account.last_name).where(Account.id.in_(account_ids))
    )
    return {account_id: " ".join(name for name in names if name) for account_id, *names in rows if any(names)}


def resource_of_assignment(session: Session, _caller: Caller, request: Request) -> str | None:
    """The resource that the assignment in question is to, None where the question is about a grant.

    Raises Refused(not_found).
    """
    account = find_account(session, request["account_id"])
    if request["assignment_id"] is None:
        return None
    for assignment in account.assignments:
        if assignment.id == request["assignment_id"]:
            return str(assignment.resource_id)
    raise Refused("not_found", "The account has no such assignment.")


def preview_removal(
    session: Session, caller: Caller, request: Request, agency_id: str | None
) -> dict[str, Any]:
    """What would be gone with an assignment or a grant that is in effect. Raises Refused(not_found)."""
    account = find_account(session, request["account_id"])
    if request["assignment_id"] is None:
        return _without_grant(session, account, request)
    resource_id = resource_of_assignment(session, caller, request)
    others = [row for row in account.assignments_in_effect if row.id != request["assignment_id"]]
    gone = [row for row in account.assignments_in_effect if row.id == request["assignment_id"]]
    by_agency = agency_id is not None and any(row.resource_id == agency_id for row in others)
    return _loss(
        account,
        resource_ids=[resource_id] if gone and not by_agency else [],
        is_still_reached_by_agency=by_agency,
        assignments_left=len(others),
    )


def _without_grant(session: Session, account: Account, request: Request) -> dict[str, Any]:
    which = (
        Grant.id == request["grant_id"] if request["grant_id"] else Grant.person_id == request["person_id"]
    )
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
