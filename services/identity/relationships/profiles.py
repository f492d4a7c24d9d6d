"""Which profiles an account reaches now, for its passport and for what it reads itself."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from services.chassis.unit_of_work import UnitOfWork
from services.identity.models import Account, Grant, Person, Role, RolePermission, in_effect, is_of_kind
from services.identity.realms import rules
from services.identity.registry.actors import caller_of

# The kind of people whose profiles a portal opens. What the Employee Portal asks for is in `employees.entry.admitted`.
_RESTS_ON = {rules.FAMILY: rules.CLIENT, rules.PATIENT: rules.PATIENT}


def not_discharged(now: datetime.datetime) -> ColumnElement[bool]:
    """The condition that a grant's person is still a client, in the Patient Portal a patient. The clock alone decides.

    The statement has a row of Account beside that of Grant.
    """
    return and_(
        *(
            or_(Account.realm != realm, is_of_kind(Grant.person_id, kind, now))
            for realm, kind in _RESTS_ON.items()
        )
    )


def profiles_of(session: Session, account_id: str, now: datetime.datetime) -> list[dict[str, Any]]:
    """The profiles an account reaches, in one statement: person_id, role and its permissions, sorted.

    A role that is switched off and a person who is disabled or discharged open nothing. Permissions that are not about profiles are
    left out: a role that holds one of the staff's by mistake does not make its holder a member of the staff.
    """
    statement = (
        select(Grant.person_id, Role.code, RolePermission.permission)
        .join(Role, Role.id == Grant.role_id)
        .join(Person, Person.id == Grant.person_id)
        .join(Account, Account.id == Grant.account_id)
        .outerjoin(RolePermission, RolePermission.role_id == Role.id)
        .where(
            Grant.account_id == account_id,
            in_effect(now),
            Role.disabled_at.is_(None),
            Person.disabled_at.is_(None),
            not_discharged(now),
        )
        .order_by(Grant.person_id, RolePermission.permission)
    )
    profiles: dict[str, dict[str, Any]] = {}
    for person_id, role, permission in session.execute(statement):
        profile = profiles.setdefault(person_id, {"person_id": person_id, "role": role, "permissions": []})
        if permission in rules.PROFILE_PERMISSIONS:
            profile["permissions"].append(permission)
    return list(profiles.values())


def permissions_over(profiles: Iterable[dict[str, Any]]) -> list[str]:
    """What an account may do on at least one profile. The scope of its passport says on which."""
    return sorted({permission for profile in profiles for permission in profile["permissions"]})


def note_use(unit: UnitOfWork, person_id: str) -> None:
    """Note that the caller has opened a profile, and when (S1-35: the last use of each profile)."""
    caller = caller_of(unit)
    unit.session.execute(
        update(Grant)
        .where(Grant.account_id == caller.id, Grant.person_id == person_id, in_effect(unit.now))
        .values(last_used_at=unit.now),
        execution_options={"synchronize_session": False},
    )
    unit.audit("profile.read", "person", person_id, account_id=caller.id)
