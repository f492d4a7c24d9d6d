"""Grants: which account reaches whose profile, in which role and for how long. Steps inside a transaction."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.contracts.identity import relationships as contract
from services.identity.models import Account, Grant, Person, Relationship, Role
from services.identity.registry import rules


def find_open(unit: UnitOfWork, account_id: str, person_id: str) -> Grant | None:
    """The account's grant for a profile, locked, if it is neither revoked nor over. It may begin later."""
    grant: Grant | None = unit.session.scalar(
        select(Grant)
        .where(Grant.account_id == account_id, Grant.person_id == person_id, Grant.revoked_at.is_(None))
        .with_for_update()
    )
    if grant is not None and grant.ends_at is not None and grant.ends_at <= unit.now:
        revoke(unit, grant, "expired")
        return None
    return grant


def open_grant(
    unit: UnitOfWork,
    account: Account,
    person: Person,
    role: Role,
    *,
    starts_at: datetime.datetime | None = None,
    ends_at: datetime.datetime | None = None,
) -> Grant:
    """Let an account reach a profile. Raises Refused(access_exists, invalid_request)."""
    starts_at = starts_at or unit.now
    rules.check_span(starts_at, ends_at, unit.now)
    if find_open(unit, account.id, person.id) is not None:
        raise access_exists()
    grant = Grant(
        id=wire.new_id(),
        account_id=account.id,
        person_id=person.id,
        role_id=role.id,
        starts_at=starts_at,
        ends_at=ends_at,
        granted_by=unit.actor_id,
        created_at=unit.now,
        version=1,
    )
    unit.add(grant)
    try:
        unit.session.flush()
    except IntegrityError:  # a request at the same moment was first
        raise access_exists() from None
    unit.audit(
        "grant.opened",
        "grant",
        grant.id,
        account_id=account.id,
        person_id=person.id,
        role=role.code,
        starts_at=starts_at.isoformat(),
        ends_at=ends_at.isoformat() if ends_at else None,
    )
    is_further = account.last_login_at is not None and _reaches_another(unit, grant)
    _publish(unit, contract.access_granted, grant, is_further=is_further)
    return grant


def _reaches_another(unit: UnitOfWork, grant: Grant) -> bool:
    """Whether the account has another grant that is neither revoked nor over."""
    others = select(Grant.id).where(
        Grant.account_id == grant.account_id,
        Grant.id != grant.id,
        Grant.revoked_at.is_(None),
        or_(Grant.ends_at.is_(None), Grant.ends_at > unit.now),
    )
    return unit.session.scalars(others.limit(1)).first() is not None


def access_exists() -> Refused:
    """The refusal of a second grant for the same profile (S1-8, S1-26)."""
    return Refused("access_exists", "There is access to this profile already: change it instead.")


def change_grant(unit: UnitOfWork, grant: Grant, role: Role, ends_at: datetime.datetime | None) -> None:
    """Change the role or the end of a grant. If nothing differs, nothing is written. Raises Refused(invalid_request)."""
    if ends_at != grant.ends_at:
        rules.check_span(grant.starts_at, ends_at, unit.now)
    elif role.id == grant.role_id:
        return
    has_other_role = role.id != grant.role_id
    unit.audit(
        "grant.changed",
        "grant",
        grant.id,
        account_id=grant.account_id,
        person_id=grant.person_id,
        role_id_before=grant.role_id,
        role=role.code,
        ends_at=ends_at.isoformat() if ends_at else None,
    )
    if ends_at != grant.ends_at:
        grant.notice_sent_at = None
    grant.role_id, grant.ends_at = role.id, ends_at
    grant.version += 1
    if has_other_role:
        unit.publish(
            contract.access_role_changed,
            grant.account_id,
            {"account_id": grant.account_id, "person_id": grant.person_id, "role": role.code},
        )


def revoke(unit: UnitOfWork, grant: Grant, reason: str) -> None:
    """End a grant. The next passport lacks the profile; after its `ends_at` passports have lacked it already."""
    grant.revoked_at = unit.now
    grant.revoke_reason = reason
    grant.version += 1
    for relationship in unit.session.scalars(
        select(Relationship).where(
            Relationship.account_id == grant.account_id,
            Relationship.person_id == grant.person_id,
            Relationship.kind == "portal_user",
            Relationship.ends_at.is_(None),
        )
    ):
        relationship.ends_at = unit.now
    unit.audit(
        "grant.revoked",
        "grant",
        grant.id,
        account_id=grant.account_id,
        person_id=grant.person_id,
        reason=reason,
    )
    unit.session.flush()  # the unique index lets another grant be opened
    _publish(unit, contract.access_revoked, grant)


def roles_of(unit: UnitOfWork, realm: str) -> Sequence[Role]:
    """The roles of a portal that can be given."""
    return unit.session.scalars(
        select(Role).where(Role.realm == realm, Role.disabled_at.is_(None)).order_by(Role.code)
    ).all()


def role_of(unit: UnitOfWork, realm: str, code: str) -> Role:
    """The role of a portal with this code, if it can be given. Raises Refused(invalid_request), which names those that can."""
    roles = roles_of(unit, realm)
    chosen = next((role for role in roles if role.code == code), None)
    if chosen is None:
        raise Refused(
            "invalid_request",
            f"role: one of {', '.join(role.code for role in roles) or 'no role yet'} is expected.",
            field="role",
        )
    return chosen


def _publish(unit: UnitOfWork, event: Any, grant: Grant, **more: bool) -> None:
    about = {"account_id": grant.account_id, "resource_id": grant.person_id, "resource_kind": "profile"}
    unit.publish(event, grant.account_id, about | more)
