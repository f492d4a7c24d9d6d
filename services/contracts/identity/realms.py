"""Realms and roles: what holds for the accounts of a realm, and the permissions of its roles."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PORTAL_REALMS, Reply, Request
from services.contracts.fields import Code, Flag, Id, Text, number_of, one_of
from services.contracts.identity import contract
from services.contracts.identity.permissions import MANAGE_ORGANISATION

REALMS = ("staff", "provider", "family", "patient", "employee", "applicant")


class RealmView(Reply):
    """What holds for the accounts of a realm. None: the setting of the installation holds."""

    realm = one_of(REALMS, required=True)
    version = fields.Integer(required=True)
    login_id = one_of(("email", "username"), required=True)
    link_minutes = fields.Integer(required=True, allow_none=True)
    temporary_password_days = fields.Integer(required=True)
    pickup_code_days = fields.Integer(required=True)
    session_idle_minutes = fields.Integer(required=True, allow_none=True)
    session_absolute_hours = fields.Integer(required=True, allow_none=True)
    invitation_style = one_of(("link", "temporary_password"), required=True)
    second_factor_required = Flag(required=True)
    allowed_networks = fields.List(fields.String(), required=True)
    has_outside_sign_in = Flag(required=True)


class SetRealmSettings(Request):
    """Settings of a realm. What is left out stays as it is. Empty `allowed_networks`: people may connect from everywhere."""

    realm = one_of(REALMS, required=True)
    login_id = one_of(("email", "username"))
    link_minutes = number_of(10_080, allow_none=True)
    temporary_password_days = number_of(30)
    pickup_code_days = number_of(90)
    session_idle_minutes = number_of(1440, allow_none=True)
    session_absolute_hours = number_of(168, allow_none=True)
    invitation_style = one_of(("link", "temporary_password"))
    second_factor_required = Flag()
    allowed_networks = fields.List(Text(most=50), validate=validate.Length(max=100))


class RoleView(Reply):
    """A role and what it lets its holder do."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    realm = one_of(REALMS, required=True)
    code = Code(required=True)
    name = fields.String(required=True)
    is_disabled = Flag(required=True)
    permissions = fields.List(fields.String(), required=True)
    second_factor_required = Flag(required=True)


list_realm_settings = contract.query(
    "list_realm_settings",
    "The settings of every realm.",
    request={},
    reply={"items": fields.List(fields.Nested(RealmView), required=True)},
    access=MANAGE_ORGANISATION,
)
get_realm_settings = contract.query(
    "get_realm_settings",
    "The settings of one realm.",
    request={"realm": one_of(REALMS, required=True)},
    reply=RealmView,
    access=MANAGE_ORGANISATION,
)
set_realm_settings = contract.command(
    "set_realm_settings",
    "Set what holds for the accounts of a realm: log-in, lifetimes, sessions, invitations, second factor, networks. The "
    "caller must hold what the realm's roles permit.",
    request=SetRealmSettings,
    reply=RealmView,
    access=MANAGE_ORGANISATION,
    errors=("realm_has_accounts", "right_not_held"),
    expects_version=True,
    grants="realm",
)
list_roles = contract.query(
    "list_roles",
    "Roles with their permissions, by realm.",
    request={"realm": one_of(REALMS, load_default=None, allow_none=True)},
    reply={
        "items": fields.List(fields.Nested(RoleView), required=True),
        "permissions": fields.Dict(
            keys=fields.String(),
            values=fields.List(fields.String()),
            required=True,
            metadata={"description": "what roles of each realm may hold"},
        ),
    },
    access=MANAGE_ORGANISATION,
)
get_role = contract.query(
    "get_role",
    "One role with its permissions.",
    request={"role_id": Id(required=True)},
    reply=RoleView,
    access=MANAGE_ORGANISATION,
    errors=("not_found",),
)
create_role = contract.command(
    "create_role",
    "Add a role of a portal. The security levels of staff and providers are fixed; their permissions can be changed by "
    "others who hold them.",
    request={
        "realm": one_of(PORTAL_REALMS, required=True),
        "code": Code(required=True),
        "name": Text(required=True, most=100),
        "permissions": fields.List(Code(), required=True, validate=validate.Length(max=100)),
    },
    reply=RoleView,
    access=MANAGE_ORGANISATION,
    errors=("role_taken", "right_not_held"),
    status=201,
    grants="role",
)
edit_role = contract.command(
    "edit_role",
    "Change a role. For everybody who has it, the change takes effect with the next request. Nobody changes the "
    "permissions of their own role, and nobody adds a permission that they do not hold.",
    request={
        "role_id": Id(required=True),
        "name": Text(most=100),
        "permissions": fields.List(Code(), validate=validate.Length(max=100)),
        "is_disabled": Flag(),
    },
    reply=RoleView,
    access=MANAGE_ORGANISATION,
    errors=("not_found", "role_in_use", "right_not_held", "own_rights"),
    expects_version=True,
    grants="role",
)
