"""Entry to a portal: its settings, the conditions of the Employee Portal, and whom a supervisor reaches."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, distinct, exists, func, not_, or_, select, true
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.identity.employees import rules
from services.identity.employees.models import Employment, PortalEntry
from services.identity.models import (
    BY_NAME,
    Account,
    Grant,
    Person,
    Relationship,
    Role,
    RolePermission,
    in_effect,
    is_of_kind,
)
from services.identity.realms import granting
from services.identity.realms.rules import EMPLOYEE
from services.identity.registry.pages import follows, last_of_page

SUPERVISOR = "supervisor"
Profiles = list[dict[str, Any]]


def entry_of(session: Session, organisation_id: str, realm: str) -> rules.Entry:
    """The organisation's settings of entry to a realm's portal, or the defaults."""
    return _entry_from(_row(session, organisation_id, realm))


def _row(session: Session, organisation_id: str, realm: str) -> PortalEntry | None:
    row: PortalEntry | None = session.scalar(
        select(PortalEntry).where(PortalEntry.organisation_id == organisation_id, PortalEntry.realm == realm)
    )
    return row


def _entry_from(row: PortalEntry | None) -> rules.Entry:
    if row is None:
        return rules.Entry()
    return rules.Entry(
        tuple(row.allowed_roles),
        tuple(row.editable_fields),
        row.opens_accounts,
        row.applicant_department,
        row.changes_are_requests,
    )


def _view(realm: str, row: PortalEntry | None) -> dict[str, Any]:
    return asdict(_entry_from(row)) | {"realm": realm, "version": row.version if row else 1}


def get_portal_entry(session: Session, caller: Caller, *, realm: str) -> dict[str, Any]:
    """The settings of entry to a portal."""
    return _view(realm, _row(session, str(caller.organisation_id), realm))


def set_portal_entry(
    unit: UnitOfWork,
    *,
    realm: str,
    allowed_roles: list[str] | None = None,
    editable_fields: list[str] | None = None,
    changes_are_requests: bool | None = None,
    opens_accounts: bool | None = None,
    applicant_department: str | None = None,
) -> dict[str, Any]:
    """Set who may use a portal (S2-35) and what its users edit (S2-130).

    Settings that are left out stay as they are. The change takes effect with each user's next request.
    Raises Refused(version_conflict, right_not_held, invalid_request).
    """
    row = _row(unit.session, str(unit.organisation_id), realm)
    before = _entry_from(row)
    wanted = rules.Entry(
        tuple(sorted(set(before.allowed_roles if allowed_roles is None else allowed_roles))),
        tuple(sorted(set(before.editable_fields if editable_fields is None else editable_fields))),
        before.opens_accounts if opens_accounts is None else opens_accounts,
        before.applicant_department if applicant_department is None else applicant_department,
        before.changes_are_requests if changes_are_requests is None else changes_are_requests,
    )
    known = set(unit.session.scalars(select(Role.code).where(Role.realm == realm)))
    if not known.issuperset(wanted.allowed_roles):
        raise Refused(
            "invalid_request",
            f"allowed_roles: roles of this portal are {', '.join(sorted(known))}.",
            field="allowed_roles",
        )
    granting.require_realm_held(unit, realm)
    if row is None:
        row = PortalEntry(organisation_id=unit.organisation_id, realm=realm, version=1)
        unit.require_version(row)
        unit.add(row)
    else:
        unit.require_version(row)
    row.allowed_roles, row.editable_fields = list(wanted.allowed_roles), list(wanted.editable_fields)
    row.opens_accounts, row.applicant_department = wanted.opens_accounts, wanted.applicant_department
    row.changes_are_requests = wanted.changes_are_requests
    row.version += 1
    unit.session.flush()
    changed = [name for name, value in asdict(wanted).items() if asdict(before)[name] != value]
    unit.audit(
        "portal_entry.changed", "realm", realm, members=changed, allowed_roles=list(wanted.allowed_roles)
    )
    return _view(realm, row)


def admitted(session: Session, account: Account, profiles: Profiles, now: datetime.datetime) -> Profiles:
    """The profiles that an account of a portal reaches; `profiles` are those that are granted to it.

    A role that the portal does not let in opens no profile (S2-35). In the Employee Portal an account needs a role, the
    relationships Self and Portal User, and a person who is an employee now (S2-29 … S2-31). It then reaches only its
    own profile and the profiles of employees whom it supervises (S2-32, S2-83).
    """
    entry = entry_of(session, account.organisation_id, account.realm)
    if account.realm != EMPLOYEE:
        return [profile for profile in profiles if entry.lets_in(profile["role"])]
    related = _related(session, [account.id], now).get(account.id, {})
    own = _own(account, profiles)
    employees = employees_among(session, related, now)
    if own is None or _lacking(account, own, related, employees, entry):
        return []
    supervised = sorted(
        person_id
        for person_id, kinds in related.items()
        if SUPERVISOR in kinds and person_id in employees and person_id != account.person_id
    )
    if not supervised or not entry.lets_in(SUPERVISOR):
        return [own]
    held = held_by_supervisors(session, account.organisation_id)
    if held is None:
        return [own]
    return [own] + [
        {"person_id": person_id, "role": SUPERVISOR, "permissions": held} for person_id in supervised
    ]


def _own(account: Account, profiles: Profiles) -> dict[str, Any] | None:
    return next((profile for profile in profiles if profile["person_id"] == account.person_id), None)


def _lacking(
    account: Account,
    own: dict[str, Any] | None,
    related: Mapping[str, set[str]],
    employees: set[str],
    entry: rules.Entry,
) -> list[str]:
    return rules.missing_conditions(
        is_active=account.state == "active",
        is_employee=account.person_id in employees,
        relationships=related.get(account.person_id or "", set()),
        role=own["role"] if own else None,
        entry=entry,
    )


def lacking_of(session: Session, account: Account, profiles: Profiles, now: datetime.datetime) -> list[str]:
    """The conditions of the portal that an employee's account lacks. `profiles` are those that are granted to it."""
    related = _related(session, [account.id], now).get(account.id, {})
    entry = entry_of(session, account.organisation_id, account.realm)
    employees = employees_among(session, [account.person_id or ""], now)
    return _lacking(account, _own(account, profiles), related, employees, entry)


def held_by_supervisors(session: Session, organisation_id: str) -> list[str] | None:
    """The permissions of the role `supervisor`; None where the role is disabled or missing."""
    rows = session.execute(
        select(Role.disabled_at, RolePermission.permission)
        .outerjoin(RolePermission, RolePermission.role_id == Role.id)
        .where(Role.organisation_id == organisation_id, Role.realm == EMPLOYEE, Role.code == SUPERVISOR)
        .order_by(RolePermission.permission)
    ).all()
    if not rows or rows[0].disabled_at is not None:
        return None
    return [row.permission for row in rows if row.permission is not None]


def _related(
    session: Session, account_ids: Sequence[str], now: datetime.datetime
) -> dict[str, dict[str, set[str]]]:
    """The kinds of relationship that each account has now, by account and person."""
    found: dict[str, dict[str, set[str]]] = {}
    for account_id, person_id, kind in session.execute(
        select(Relationship.account_id, Relationship.person_id, Relationship.kind).where(
            Relationship.account_id.in_(account_ids),
            Relationship.starts_at <= now,
            or_(Relationship.ends_at.is_(None), Relationship.ends_at > now),
        )
    ):
        found.setdefault(account_id, {}).setdefault(person_id, set()).add(kind)
    return found


def employees_among(session: Session, person_ids: Iterable[str], now: datetime.datetime) -> set[str]:
    """The ids of those people who are employees now and not disabled."""
    return set(
        session.scalars(
            select(Person.id).where(
                Person.id.in_(list(person_ids)),
                Person.disabled_at.is_(None),
                is_of_kind(Person.id, EMPLOYEE, now),
            )
        )
    )


def list_employee_access(
    session: Session,
    caller: Caller,
    *,
    may_enter: bool | None,
    missing: str | None,
    is_supervisor: bool | None,
    limit: int,
    after: str | None,
) -> dict[str, Any]:
    """Employees and other holders of accounts of the Employee Portal, and what each lacks (S2-137).

    The cursor is a person's id.
    """
    now = utc_now()
    holds = _conditions(entry_of(session, str(caller.organisation_id), EMPLOYEE), now)
    statement = _accesses(holds, now).order_by(*BY_NAME).limit(limit + 1)
    if may_enter is not None:
        is_let_in = and_(*holds.values())
        statement = statement.where(is_let_in if may_enter else not_(is_let_in))
    if missing is not None:
        statement = statement.where(not_(holds[missing]))
    if is_supervisor is not None:
        supervises = exists().where(*_is_related(SUPERVISOR, now))
        statement = statement.where(supervises if is_supervisor else not_(supervises))
    if after is not None:
        statement = statement.where(follows(BY_NAME, last_of_page(session, BY_NAME, Person.id, after)))
    rows = session.execute(statement).all()
    page = rows[:limit]
    return {
        "items": [_access_view(row) for row in page],
        "next": page[-1].Person.id if len(rows) > len(page) else None,
    }


def get_employee_access(session: Session, caller: Caller, *, person_id: str) -> dict[str, Any]:
    """One employee's access. Raises Refused(not_found) for who is no employee and has no account of the portal."""
    now = utc_now()
    holds = _conditions(entry_of(session, str(caller.organisation_id), EMPLOYEE), now)
    row = session.execute(_accesses(holds, now).where(Person.id == person_id)).one_or_none()
    if row is None:
        raise Refused("not_found", "This person is no employee.")
    return _access_view(row)


def _accesses(holds: Mapping[str, ColumnElement[bool]], now: datetime.datetime) -> Select[Any]:
    """Employees with account, employment, role, number of supervised people, and which conditions hold."""
    role = (
        select(Role.code)
        .join(Grant, Grant.role_id == Role.id)
        .where(*_is_granted(now))
        .order_by(Grant.id)
        .limit(1)
        .scalar_subquery()
    )
    supervised = (
        select(func.count(distinct(Relationship.person_id)))
        .where(*_is_related(SUPERVISOR, now))
        .scalar_subquery()
    )
    return (
        select(
            Person,
            Account.id.label("account_id"),
            Employment,
            role.label("role"),
            supervised.label("supervises"),
            and_(_is_employee(now), or_(Account.id.is_(None), Account.state == "invited")).label(
                "may_get_code"
            ),
            *(condition.label(name) for name, condition in holds.items()),
        )
        .outerjoin(Account, and_(Account.person_id == Person.id, Account.realm == EMPLOYEE))
        .outerjoin(Employment, Employment.person_id == Person.id)
        .where(or_(Account.id.is_not(None), _is_employee(now)))
    )


def _conditions(entry: rules.Entry, now: datetime.datetime) -> dict[str, ColumnElement[bool]]:
    """`rules.missing_conditions` as conditions of a statement over people and their accounts."""
    granted = (Role.id == Grant.role_id, *_is_granted(now))
    is_let_in = (
        exists().where(*granted, Role.code.in_(entry.allowed_roles)) if entry.allowed_roles else true()
    )
    return {
        "active_account": and_(Account.id.is_not(None), Account.state == "active"),
        "employee": _is_employee(now),
        "self": exists().where(Relationship.person_id == Person.id, *_is_related("self", now)),
        "portal_user": exists().where(Relationship.person_id == Person.id, *_is_related("portal_user", now)),
        "role": exists().where(*granted),
        "allowed_role": is_let_in,
    }


def _is_employee(now: datetime.datetime) -> ColumnElement[bool]:
    return and_(Person.disabled_at.is_(None), is_of_kind(Person.id, EMPLOYEE, now))


def _is_granted(now: datetime.datetime) -> tuple[ColumnElement[bool], ...]:
    """That a role is granted to the account for its own person."""
    return (
        Grant.account_id == Account.id,
        Grant.person_id == Person.id,
        in_effect(now),
        Role.disabled_at.is_(None),
    )


def _is_related(kind: str, now: datetime.datetime) -> tuple[ColumnElement[bool], ...]:
    """That the account has a relationship of this kind."""
    return (
        Relationship.account_id == Account.id,
        Relationship.kind == kind,
        Relationship.starts_at <= now,
        or_(Relationship.ends_at.is_(None), Relationship.ends_at > now),
    )


def _access_view(row: Any) -> dict[str, Any]:
    person, employment = row.Person, row.Employment
    return {
        "account_id": row.account_id,
        "person_id": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "employee_number": employment.employee_number if employment else None,
        "employer": employment.employer if employment else None,
        "department": employment.department if employment else None,
        "role": row.role,
        "missing": [name for name in rules.CONDITIONS if not getattr(row, name)],
        "supervises": row.supervises,
        "may_get_code": bool(row.may_get_code),
    }


def list_my_employees(session: Session, caller: Caller) -> dict[str, Any]:
    """The employees whom the caller supervises now, by name."""
    mine = [
        profile["person_id"]
        for profile in caller.scope.get("profiles", [])
        if caller.realm == EMPLOYEE and profile["role"] == SUPERVISOR
    ]
    rows = session.execute(
        select(Person, Employment)
        .outerjoin(Employment, Employment.person_id == Person.id)
        .where(Person.id.in_(mine))
        .order_by(Person.last_name_key, Person.id)
    )
    return {
        "items": [
            {
                "person_id": person.id,
                "first_name": person.first_name,
                "last_name": person.last_name,
                "employee_number": employment.employee_number if employment else None,
                "department": employment.department if employment else None,
            }
            for person, employment in rows
        ]
    }
