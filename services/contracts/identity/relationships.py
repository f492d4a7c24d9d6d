"""Relationships between accounts and people, and the grants that let an account reach a person's profile."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import Reply
from services.contracts.fields import Code, Flag, Id, Moment, Text, one_of
from services.contracts.identity import contract
from services.contracts.identity.permissions import MANAGE_PEOPLE, READ_PEOPLE

access_granted = contract.event(
    "access_granted",
    "An account may reach a resource of the directory, or (`resource_kind` is `profile`) a person's profile. `is_further`: its "
    "owner has signed in before and reaches another profile already.",
    data={
        "account_id": Id(required=True),
        "resource_id": Id(required=True),
        "resource_kind": Code(),
        "is_further": Flag(),
    },
)
access_revoked = contract.event(
    "access_revoked",
    "An account may no longer reach a resource of the directory, or (`resource_kind` is `profile`) a person's profile.",
    data={"account_id": Id(required=True), "resource_id": Id(required=True), "resource_kind": Code()},
)
RELATIONSHIP_KINDS = ("self", "portal_user", "supervisor", "contact")


class RelationshipView(Reply):
    """How an account stands to a person, and for how long."""

    id = Id(required=True)
    account_id = Id(required=True)
    person_id = Id(required=True)
    kind = one_of(RELATIONSHIP_KINDS, required=True)
    source = fields.String(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(allow_none=True)


class RelationshipLine(RelationshipView):
    """A relationship in a list, with the names of both sides."""

    account_name = fields.String(required=True)
    person_name = fields.String(required=True)
    is_over = Flag(required=True)


_RELATIONSHIP = {
    "account_id": Id(required=True),
    "person_id": Id(required=True),
    "kind": one_of(RELATIONSHIP_KINDS, required=True),
    "starts_at": Moment(load_default=None, allow_none=True),
    "ends_at": Moment(load_default=None, allow_none=True),
}
set_account_relationship = contract.command(
    "set_account_relationship",
    "Relate an account to a person, from the account's side.",
    request=_RELATIONSHIP,
    reply=RelationshipView,
    access=MANAGE_PEOPLE,
    errors=("not_found", "relationship_exists", "right_not_held", "own_rights"),
    status=201,
    grants="profile",
)
set_person_relationship = contract.command(
    "set_person_relationship",
    "Relate a person to an account, from the person's side. The relationship is the same.",
    request=_RELATIONSHIP,
    reply=RelationshipView,
    access=MANAGE_PEOPLE,
    errors=("not_found", "relationship_exists", "right_not_held", "own_rights"),
    status=201,
    grants="profile",
)
let_stand_in = contract.command(
    "let_stand_in",
    "Let somebody stand in for a supervisor until a time: whoever signs in by `login` supervises, too, whom the account supervises "
    "now. Who comes to the team later is not among them.",
    request={
        "account_id": Id(required=True),
        "login": Text(required=True, most=254),
        "ends_at": Moment(required=True),
    },
    reply={"items": fields.List(fields.Nested(RelationshipView), required=True)},
    access=MANAGE_PEOPLE,
    errors=("not_found", "right_not_held", "own_rights"),
    grants="profile",
)
end_relationship = contract.command(
    "end_relationship",
    "End a relationship now.",
    request={"relationship_id": Id(required=True)},
    reply=RelationshipView,
    access=MANAGE_PEOPLE,
    errors=("not_found",),
)
list_relationships = contract.query(
    "list_relationships",
    "Relationships of an account, or of a person, including those that are over.",
    request={
        "account_id": Id(load_default=None, allow_none=True),
        "person_id": Id(load_default=None, allow_none=True),
    },
    reply={"items": fields.List(fields.Nested(RelationshipLine), required=True)},
    access=READ_PEOPLE,
)
access_role_changed = contract.event(
    "access_role_changed",
    "An account reaches a person's profile in another role.",
    data={"account_id": Id(required=True), "person_id": Id(required=True), "role": Code(required=True)},
)
grant_expiring = contract.event(
    "grant_expiring",
    "An account's access to a person's profile ends soon.",
    data={
        "grant_id": Id(required=True),
        "account_id": Id(required=True),
        "person_id": Id(required=True),
        "ends_at": Moment(required=True),
    },
)
