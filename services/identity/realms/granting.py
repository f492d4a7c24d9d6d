"""Nobody gives rights that they do not hold, and nobody changes rights of their own. Steps inside a transaction."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.models import Account, Role, RolePermission
from services.identity.realms import rules


def require_held(unit: UnitOfWork, permissions: Iterable[str], *, field: str) -> None:
    """Raise Refused(right_not_held), which names what is missing, unless the caller holds these permissions.

    `field` is the request's name of what gives them.
    """
    missing = rules.missing_to_give(permissions, unit.caller.permissions if unit.caller else ())
    if missing:
        raise Refused(
            "right_not_held",
            f"{field}: it gives {', '.join(missing)}, which you do not hold yourself. Ask somebody who does.",
            field=field,
            missing=missing,
        )


def require_role_held(unit: UnitOfWork, role: Role, *, field: str) -> None:
    """Raise Refused(right_not_held) unless the caller holds what the role permits."""
    require_held(
        unit,
        unit.session.scalars(select(RolePermission.permission).where(RolePermission.role_id == role.id)),
        field=field,
    )


def require_account_held(unit: UnitOfWork, account: Account, *, field: str = "account_id") -> None:
    """Raise Refused(right_not_held) unless the caller holds what the account may do.

    That is what its role permits and a provider's switches; for an account of a portal, what any role of the portal does.
    """
    if account.role is None:
        require_realm_held(unit, account.realm, field=field)
    else:
        require_role_held(unit, account.role, field=field)
    if account.realm == rules.PROVIDER:
        require_held(unit, rules.switched_on(account), field=field)


def require_realm_held(unit: UnitOfWork, realm: str, *, field: str = "realm") -> None:
    """Raise Refused(right_not_held) unless the caller holds what the roles of the realm permit."""
    held_there = (
        select(RolePermission.permission)
        .join(Role, Role.id == RolePermission.role_id)
        .where(Role.realm == realm)
        .distinct()
    )
    require_held(unit, unit.session.scalars(held_there), field=field)


def require_somebody_else(unit: UnitOfWork, account_id: str) -> None:
    """Raise Refused(own_rights) where the account is the caller's own."""
    if unit.caller is not None and unit.caller.id == account_id:
        raise own_rights("account_id", "this is your own account")


def require_not_own_role(unit: UnitOfWork, role: Role, *, field: str) -> None:
    """Raise Refused(own_rights) where the caller's account has this role."""
    own = select(Account.role_id).where(Account.id == unit.actor_id)
    if unit.session.scalar(own) == role.id:
        raise own_rights(field, "this is the level of your own account")


def own_rights(field: str, why: str) -> Refused:
    """The refusal of a change by which the caller would change rights of their own."""
    return Refused(
        "own_rights", f"{field}: {why}. Nobody changes their own rights: ask somebody else.", field=field
    )
