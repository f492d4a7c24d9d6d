"""Entry to a portal: its settings, the conditions of the Employee Portal, and whom a supervisor reaches."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork, utc_now
from services.contracts.errors import Refused
from services.identity.employees import rules
from services.identity.employees.models import Employment, PortalEntry
from services.identity.models import (
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
        tuple(row.allowed_roles), tuple(row.editable_fields), row.opens_accounts, row.applicant_department
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
    session: Session, caller: Caller, *, limit: int, after: str | None
) -> dict[str, Any]:
    """Accounts of the Employee Portal, and the conditions that each lacks (S2-137). The cursor is an account's id."""
    now = utc_now()
    statement = (
        select(Account, Person, Employment)
        .join(Person, Person.id == Account.person_id)
        .outerjoin(Employment, Employment.person_id == Person.id)
        .where(Account.realm == EMPLOYEE)
        .order_by(Account.id)
        .limit(limit + 1)
    )
    if after is not None:
        statement = statement.where(Account.id > after)
    rows = session.execute(statement).all()
    page = rows[:limit]
    account_ids = [account.id for account, _, _ in page]
    related = _related(session, account_ids, now)
    employees = employees_among(session, [person.id for _, person, _ in page], now)
    roles = {
        (account_id, person_id): code
        for account_id, person_id, code in session.execute(
            select(Grant.account_id, Grant.person_id, Role.code)
            .join(Role, Role.id == Grant.role_id)
            .where(Grant.account_id.in_(account_ids), in_effect(now), Role.disabled_at.is_(None))
        )
    }
    entry = entry_of(session, str(caller.organisation_id), EMPLOYEE)
    items = [
        _access_view(
            account, person, employment, related.get(account.id, {}), roles, person.id in employees, entry
        )
        for account, person, employment in page
    ]
    return {"items": items, "next": page[-1][0].id if len(rows) > len(page) else None}


def _access_view(
    account: Account,
    person: Person,
    employment: Employment | None,
    related: dict[str, set[str]],
    roles: dict[tuple[str, str], str],
    is_employee: bool,
    entry: rules.Entry,
) -> dict[str, Any]:
    role = roles.get((account.id, person.id))
    return {
        "account_id": account.id,
        "person_id": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "employee_number": employment.employee_number if employment else None,
        "employer": employment.employer if employment else None,
        "department": employment.department if employment else None,
        "role": role,
        "missing": rules.missing_conditions(
            is_active=account.state == "active",
            is_employee=is_employee,
            relationships=related.get(person.id, set()),
            role=role,
            entry=entry,
        ),
        "supervises": sum(1 for kinds in related.values() if SUPERVISOR in kinds),
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
