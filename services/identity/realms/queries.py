"""Questions about realms: their settings, and their roles with permissions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.chassis.passports import Caller
from services.contracts.errors import Refused
from services.identity.models import Role, RolePermission
from services.identity.realms import rules
from services.identity.realms.models import RealmSettings
from services.identity.realms.rules import PERMISSIONS
from services.identity.realms.sign_in_policy import realms_with_provider


def rules_of(session: Session, organisation_id: str, realm: str) -> rules.RealmRules:
    """What holds for the accounts of a realm: the organisation's settings, else the defaults."""
    row = session.scalar(
        select(RealmSettings).where(
            RealmSettings.organisation_id == organisation_id, RealmSettings.realm == realm
        )
    )
    return rules_from(row, realm)


def rules_from(row: RealmSettings | None, realm: str) -> rules.RealmRules:
    """The rules in a row of settings; without a row the realm's defaults."""
    if row is None:
        return rules.DEFAULTS[realm]
    values = {field.name: getattr(row, field.name) for field in fields(rules.RealmRules)}
    return rules.RealmRules(**values | {"allowed_networks": tuple(row.allowed_networks)})


def link_minutes(realm_rules: rules.RealmRules, realm: str, settings: Any) -> int:
    """Lifetime of a link that sets a password. `settings` are those of the process."""
    return int(realm_rules.link_minutes or settings.link_lifetime_minutes.of(realm))


def absolute_hours(realm_rules: rules.RealmRules, realm: str, settings: Any) -> int:
    """The longest lifetime of a session, in hours. `settings` are those of the process."""
    return int(realm_rules.session_absolute_hours or settings.session_absolute_hours.of(realm))


def idle_minutes(realm_rules: rules.RealmRules, realm: str, settings: Any) -> int:
    """How long a session may be idle, in minutes. `settings` are those of the process."""
    return int(realm_rules.session_idle_minutes or settings.session_idle_minutes.of(realm))


def list_realm_settings(session: Session, _caller: Caller) -> dict[str, Any]:
    """The settings of every realm, including defaults."""
    rows = {row.realm: row for row in session.scalars(select(RealmSettings))}
    outside = realms_with_provider(session)
    return {"items": [realm_view(realm, rows.get(realm), outside) for realm in rules.REALMS]}


def get_realm_settings(session: Session, _caller: Caller, *, realm: str) -> dict[str, Any]:
    """The settings of one realm, including defaults."""
    row = session.scalar(select(RealmSettings).where(RealmSettings.realm == realm))
    return realm_view(realm, row, realms_with_provider(session))


def realm_view(realm: str, row: RealmSettings | None, outside: Collection[str]) -> dict[str, Any]:
    """The members of the contract's RealmView. `outside`: realms with an outside provider in use."""
    return asdict(rules_from(row, realm)) | {
        "realm": realm,
        "version": row.version if row else 1,
        "has_outside_sign_in": realm in outside,
    }


def list_roles(session: Session, _caller: Caller, *, realm: str | None) -> dict[str, Any]:
    """Roles with their permissions, and what roles of each realm may hold."""
    statement = select(Role).order_by(Role.realm, Role.code)
    if realm is not None:
        statement = statement.where(Role.realm == realm)
    held: dict[str, list[str]] = {}
    for role_id, permission in session.execute(
        select(RolePermission.role_id, RolePermission.permission).order_by(RolePermission.permission)
    ):
        held.setdefault(role_id, []).append(permission)
    realms = rules.REALMS if realm is None else (realm,)
    return {
        "items": [role_view(role, held.get(role.id, [])) for role in session.scalars(statement)],
        "permissions": {each: sorted(may_hold(each)) for each in realms},
    }


def get_role(session: Session, _caller: Caller, *, role_id: str) -> dict[str, Any]:
    """One role with its permissions. Raises Refused(not_found)."""
    role: Role | None = session.scalar(select(Role).where(Role.id == role_id))
    if role is None:
        raise Refused("not_found", "There is no such role.")
    held = session.scalars(
        select(RolePermission.permission)
        .where(RolePermission.role_id == role.id)
        .order_by(RolePermission.permission)
    )
    return role_view(role, list(held))


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
        "second_factor_required": role.second_factor_required,
    }
