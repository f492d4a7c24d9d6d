"""Commands of administrators: the settings of realms, and roles with their permissions."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, TypedDict, Unpack

from sqlalchemy import delete, func, select

from services.chassis import wire
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.models import Account, Grant, Role, RolePermission, not_over
from services.identity.realms import granting, rules
from services.identity.realms.models import RealmSettings
from services.identity.realms.networks import is_inside
from services.identity.realms.queries import realm_view, role_view, rules_from
from services.identity.realms.rules import PERMISSIONS
from services.identity.realms.sign_in_policy import realms_with_provider


class RealmChanges(TypedDict, total=False):
    """What changes of a realm's settings, as RealmRules calls it."""

    login_id: str
    link_minutes: int | None
    temporary_password_days: int
    pickup_code_days: int
    session_idle_minutes: int | None
    session_absolute_hours: int | None
    invitation_style: str
    second_factor_required: bool


def set_realm_settings(
    unit: UnitOfWork,
    *,
    realm: str,
    allowed_networks: list[str] | None = None,
    **changes: Unpack[RealmChanges],
) -> dict[str, Any]:
    """Set what holds for a realm. What is left out stays as it is.

    Raises Refused(right_not_held, invalid_request, realm_has_accounts, version_conflict).
    """
    granting.require_realm_held(unit, realm)
    row = unit.session.scalar(select(RealmSettings).where(RealmSettings.realm == realm).with_for_update())
    before = rules_from(row, realm)
    networks = before.allowed_networks if allowed_networks is None else tuple(allowed_networks)
    wanted = replace(before, **changes, allowed_networks=networks)
    rules.check_realm_rules(realm, wanted)
    _require_way_back(unit, realm, wanted)
    if row is None:
        row = RealmSettings(organisation_id=unit.organisation_id, realm=realm, version=1, **_columns(before))
        unit.require_version(row)
        unit.add(row)
    else:
        unit.require_version(row)
    if wanted == before:
        return realm_view(realm, row, realms_with_provider(unit.session))
    if wanted.login_id != before.login_id and _has_accounts(unit, realm):
        raise Refused(
            "realm_has_accounts",
            "Accounts of this realm log in in the present way; it can be chosen only before there are any.",
            field="login_id",
        )
    columns = _columns(wanted)
    changed = [name for name, value in columns.items() if value != _columns(before)[name]]
    for name in changed:
        setattr(row, name, columns[name])
    row.version += 1
    unit.session.flush()
    unit.audit("realm.changed", "realm", realm, members=sorted(changed))
    return realm_view(realm, row, realms_with_provider(unit.session))


def _require_way_back(unit: UnitOfWork, realm: str, wanted: rules.RealmRules) -> None:
    """Refuse networks that would lock out the caller."""
    address = unit.context.client_address
    is_own = unit.caller is not None and unit.caller.realm == realm
    if is_own and address is not None and not is_inside(address, wanted.allowed_networks):
        raise Refused(
            "invalid_request",
            "allowed_networks: your own address is not among them; you would lock yourself out.",
            field="allowed_networks",
        )


def _columns(realm_rules: rules.RealmRules) -> dict[str, Any]:
    return asdict(realm_rules) | {"allowed_networks": list(realm_rules.allowed_networks)}


def _has_accounts(unit: UnitOfWork, realm: str) -> bool:
    return unit.session.scalar(select(Account.id).where(Account.realm == realm).limit(1)) is not None


def create_role(
    unit: UnitOfWork, *, realm: str, code: str, name: str, permissions: list[str]
) -> dict[str, Any]:
    """Add a role of a portal (S1-14). Raises Refused(role_taken, right_not_held, invalid_request)."""
    held = sorted(set(permissions))
    rules.check_permissions(realm, code, held, PERMISSIONS)
    granting.require_held(unit, held, field="permissions")
    if unit.session.scalar(select(Role.id).where(Role.realm == realm, Role.code == code)) is not None:
        raise Refused("role_taken", "The realm has a role with this code.", field="code")
    role = unit.add(
        Role(
            id=wire.new_id(),
            organisation_id=unit.organisation_id,
            realm=realm,
            code=code,
            name=name,
            version=1,
        )
    )
    unit.session.flush()
    _add_permissions(unit, role, held)
    unit.audit("role.created", "role", role.id, realm=realm, permissions=held)
    return role_view(role, held)


def edit_role(
    unit: UnitOfWork,
    *,
    role_id: str,
    name: str | None = None,
    permissions: list[str] | None = None,
    is_disabled: bool | None = None,
) -> dict[str, Any]:
    """Change a role: name, permissions, whether it can be given. What is None stays as it is.

    Raises Refused(not_found, version_conflict, role_in_use, right_not_held, own_rights, invalid_request).
    """
    role: Role | None = unit.session.scalar(select(Role).where(Role.id == role_id).with_for_update())
    if role is None:
        raise Refused("not_found", "There is no such role.")
    unit.require_version(role)
    held = sorted(
        unit.session.scalars(select(RolePermission.permission).where(RolePermission.role_id == role.id))
    )
    wanted = sorted(set(held if permissions is None else permissions))
    name = role.name if name is None else name
    is_disabled = role.disabled_at is not None if is_disabled is None else is_disabled
    rules.check_permissions(role.realm, role.code, wanted, PERMISSIONS)
    if (wanted, name, is_disabled) == (held, role.name, role.disabled_at is not None):
        return role_view(role, held)
    if wanted != held:
        granting.require_not_own_role(unit, role, field="permissions")
        granting.require_held(unit, set(wanted) - set(held), field="permissions")
    if is_disabled and role.disabled_at is None:
        _require_unused(unit, role)
    elif role.disabled_at is not None and not is_disabled:
        granting.require_held(unit, wanted, field="is_disabled")
    role.name = name
    role.disabled_at = (role.disabled_at or unit.now) if is_disabled else None
    role.version += 1
    if wanted != held:
        unit.session.execute(delete(RolePermission).where(RolePermission.role_id == role.id))
        _add_permissions(unit, role, wanted)
    unit.audit("role.changed", "role", role.id, before=held, after=wanted, is_disabled=is_disabled)
    return role_view(role, wanted)


def _require_unused(unit: UnitOfWork, role: Role) -> None:
    if role.realm in rules.WORKFORCE_REALMS:
        raise Refused("role_in_use", "The security levels of staff and providers stay.", field="is_disabled")
    users = unit.session.scalar(
        select(func.count()).select_from(Grant).where(Grant.role_id == role.id, not_over())
    )
    if users:
        raise Refused(
            "role_in_use",
            "Somebody reaches a profile in this role: choose another role for them first.",
            field="is_disabled",
            grants=users,
        )


def _add_permissions(unit: UnitOfWork, role: Role, permissions: list[str]) -> None:
    for permission in permissions:
        unit.add(RolePermission(organisation_id=unit.organisation_id, role_id=role.id, permission=permission))
