"""What an administrator sets for the portals: the realms' settings and the roles with their permissions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from services.chassis import wire
from services.chassis.passports import Caller
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.errors import Refused
from services.identity.access.rules import is_inside
from services.identity.models import Account, Grant, Role, RolePermission, not_over
from services.identity.outside.policy import realms_with_provider
from services.identity.people import rules
from services.identity.people.models import RealmSettings
from services.identity.people.realms import rules_from
from services.identity.rules import PERMISSIONS

Request = Mapping[str, Any]


def list_realm_settings(session: Session, _caller: Caller, _request: Request) -> dict[str, Any]:
    """The settings of every realm, those that hold by default as well."""
    rows = {row.realm: row for row in session.scalars(select(RealmSettings))}
    outside = realms_with_provider(session)
    return {"items": [realm_view(realm, rows.get(realm), outside) for realm in rules.REALMS]}


def realm_view(realm: str, row: RealmSettings | None, outside: Collection[str]) -> dict[str, Any]:
    """`outside`: realms with an outside provider in use."""
    return asdict(rules_from(row, realm)) | {
        "realm": realm,
        "version": row.version if row else 1,
        "has_outside_sign_in": realm in outside,
    }


def set_realm_settings(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Set what holds for a realm; what is left out stays. Raises Refused(invalid_request, realm_has_accounts)."""
    realm = request["realm"]
    row = unit.session.scalar(select(RealmSettings).where(RealmSettings.realm == realm).with_for_update())
    before = rules_from(row, realm)
    wanted = rules.RealmRules(
        **{field.name: request.get(field.name, getattr(before, field.name)) for field in fields(before)}
    )
    wanted = rules.RealmRules(**asdict(wanted) | {"allowed_networks": tuple(wanted.allowed_networks)})
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
    """Refuse networks that would lock the caller out with this very request."""
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


def list_roles(session: Session, _caller: Caller, request: Request) -> dict[str, Any]:
    """Roles with their permissions, and what roles of each realm may hold."""
    statement = select(Role).order_by(Role.realm, Role.code)
    if request["realm"] is not None:
        statement = statement.where(Role.realm == request["realm"])
    held: dict[str, list[str]] = {}
    for role_id, permission in session.execute(
        select(RolePermission.role_id, RolePermission.permission).order_by(RolePermission.permission)
    ):
        held.setdefault(role_id, []).append(permission)
    realms = rules.REALMS if request["realm"] is None else (request["realm"],)
    return {
        "items": [role_view(role, held.get(role.id, [])) for role in session.scalars(statement)],
        "permissions": {realm: sorted(may_hold(realm)) for realm in realms},
    }


def may_hold(realm: str) -> frozenset[str]:
    """The permissions that a role of the realm may hold."""
    return rules.PROFILE_PERMISSIONS if realm in rules.PORTAL_REALMS else PERMISSIONS


def role_view(role: Role, permissions: list[str]) -> dict[str, Any]:
    """The members of the contract's RoleView."""
    return {
        "id": role.id,
        "version": role.version,
        "realm": role.realm,
        "code": role.code,
        "name": role.name or role.code.replace("_", " ").capitalize(),
        "is_disabled": role.disabled_at is not None,
        "permissions": permissions,
    }


def create_role(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Add a role of a portal (S1-14). Raises Refused(role_taken, invalid_request)."""
    realm, code = request["realm"], request["code"]
    permissions = sorted(set(request["permissions"]))
    rules.check_permissions(realm, code, permissions, PERMISSIONS)
    if unit.session.scalar(select(Role.id).where(Role.realm == realm, Role.code == code)) is not None:
        raise Refused("role_taken", "The realm has a role with this code.", field="code")
    role = unit.add(
        Role(
            id=wire.new_id(),
            organisation_id=unit.organisation_id,
            realm=realm,
            code=code,
            name=request["name"],
            version=1,
        )
    )
    unit.session.flush()
    _hold(unit, role, permissions)
    unit.audit("role.created", "role", role.id, realm=realm, permissions=permissions)
    return role_view(role, permissions)


def edit_role(unit: UnitOfWork, request: Request) -> dict[str, Any]:
    """Change a role: name, permissions, whether it can be given.

    Raises Refused(not_found, version_conflict, role_in_use, invalid_request).
    """
    role: Role | None = unit.session.scalar(
        select(Role).where(Role.id == request["role_id"]).with_for_update()
    )
    if role is None:
        raise Refused("not_found", "There is no such role.")
    unit.require_version(role)
    held = sorted(
        unit.session.scalars(select(RolePermission.permission).where(RolePermission.role_id == role.id))
    )
    permissions = sorted(set(request.get("permissions", held)))
    name = request.get("name", role.name)
    is_disabled = request.get("is_disabled", role.disabled_at is not None)
    rules.check_permissions(role.realm, role.code, permissions, PERMISSIONS)
    if (permissions, name, is_disabled) == (held, role.name, role.disabled_at is not None):
        return role_view(role, held)
    if is_disabled and role.disabled_at is None:
        _require_unused(unit, role)
    role.name = name
    role.disabled_at = (role.disabled_at or unit.now) if is_disabled else None
    role.version += 1
    if permissions != held:
        unit.session.execute(delete(RolePermission).where(RolePermission.role_id == role.id))
        _hold(unit, role, permissions)
    unit.audit("role.changed", "role", role.id, before=held, after=permissions, is_disabled=is_disabled)
    return role_view(role, permissions)


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


def _hold(unit: UnitOfWork, role: Role, permissions: list[str]) -> None:
    for permission in permissions:
        unit.add(RolePermission(organisation_id=unit.organisation_id, role_id=role.id, permission=permission))
