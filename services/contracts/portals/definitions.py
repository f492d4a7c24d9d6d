"""The portals of an organisation: which there are, for whom, and where they are found."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, permission
from services.contracts.fields import Code, Count, Flag, Text, one_of
from services.contracts.portals import contract

KINDS = (
    "provider",
    "family",
    "patient",
    "employee",
    "supervisor",
    "applicant",
    "one_time_code",
    "signing",
)


class Suffix(fields.String):
    """What an organisation calls a portal in its address, `/at/<organisation>/<suffix>` (S2-110)."""

    def __init__(self, **options: Any) -> None:
        rule = "2 to 40 small letters, digits and hyphens are expected, from a letter to a letter or digit."
        shape = validate.Regexp(r"[a-z][a-z0-9_-]{0,38}[a-z0-9]\Z", error=rule)
        super().__init__(validate=shape, **options)


class Portal(Reply):
    """A portal. Its roles are codes of identity's roles; none admits every role (S2-36).

    `takes_roles`: the people of its realm hold roles over profiles, by which it can be limited. `needs_approval`: what one person
    writes is published by another. `networks`: CIDR ranges from which alone it is reached; none: from everywhere (S2-133).
    """

    portal = Suffix(required=True)
    kind = one_of(KINDS, required=True)
    realm = Code(required=True)
    employer = fields.String(required=True, allow_none=True)
    region = fields.String(required=True, allow_none=True)
    is_enabled = fields.Boolean(required=True)
    security_roles = fields.List(fields.String(), required=True)
    takes_roles = Flag(required=True)
    needs_approval = fields.Boolean(required=True)
    networks = fields.List(fields.String(), required=True)
    version = fields.Integer(required=True)


_FOR_WHOM = {
    "employer": Text(load_default=None, allow_none=True, most=100),
    "region": Text(load_default=None, allow_none=True, most=100),
}

list_portals = contract.query(
    "list_portals",
    "All portals of the organisation: one of each kind from the start, and those that were added.",
    request={},
    reply={"items": fields.List(fields.Nested(Portal), required=True)},
    access=permission("portal.configure", realms=STAFF),
)

describe_portal = contract.query(
    "describe_portal",
    "One portal: for whom it is, whether it is enabled, whom it admits.",
    request={"portal": Suffix(required=True)},
    reply=Portal,
    access=permission("portal.configure", realms=STAFF),
    errors=("not_found",),
)

create_portal = contract.command(
    "create_portal",
    "Add a portal, for one employer or region perhaps. It is off until it is enabled.",
    request={"portal": Suffix(required=True), "kind": one_of(KINDS, required=True), **_FOR_WHOM},
    reply=Portal,
    access=permission("portal.configure", realms=STAFF),
    errors=("suffix_taken",),
    status=201,
)

change_portal = contract.command(
    "change_portal",
    "Enable or disable a portal, or change whom it admits. Only what is given changes, and it holds from the next read on.",
    request={
        "portal": Suffix(required=True),
        "is_enabled": Flag(),
        "employer": Text(allow_none=True, most=100),
        "region": Text(allow_none=True, most=100),
        "security_roles": fields.List(Code(), validate=validate.Length(max=50)),
        "needs_approval": Flag(),
        "networks": fields.List(Text(most=50), validate=validate.Length(max=100)),
    },
    reply=Portal,
    access=permission("portal.configure", realms=STAFF),
    errors=("not_found", "forbidden"),
    expects_version=True,
)

_HOSTS = {
    "hosts": fields.List(fields.String(), required=True),
    "version": fields.Integer(required=True),
}
_HOST = validate.Regexp(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z",
    error="The name of a host such as www.example.org is expected, in small letters, without https://.",
)

get_portal_hosts = contract.query(
    "get_portal_hosts",
    "The hosts of the organisation to whose pages its portals may lead after signing out (S2-132).",
    request={},
    reply=_HOSTS,
    access=permission("portal.configure", realms=STAFF),
)

set_portal_hosts = contract.command(
    "set_portal_hosts",
    "Set the hosts to whose pages portals may lead after signing out. A portal that leads elsewhere shows our own page.",
    request={
        "hosts": fields.List(fields.String(validate=_HOST), required=True, validate=validate.Length(max=50))
    },
    reply=_HOSTS,
    access=permission("organisation.manage", realms=STAFF),
    expects_version=True,
)

portal_created = contract.event(
    "portal_created",
    "A portal was added.",
    data={"portal": Code(required=True), "kind": Code(required=True)},
)

portal_changed = contract.event(
    "portal_changed",
    "A portal was enabled or disabled, or whom it admits was changed.",
    data={"portal": Code(required=True), "version": Count(required=True)},
)
