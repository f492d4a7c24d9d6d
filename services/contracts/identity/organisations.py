"""Organisations: the tenants and their features."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import SIGNED_IN, Reply, permission
from services.contracts.fields import Code, Id
from services.contracts.identity import contract

FEATURES = ("referralq", "provider_portal", "electronic_signature")


class Organisation(Reply):
    """A tenant."""

    id = Id(required=True)
    key = Code(required=True)
    name = fields.String(required=True)
    version = fields.Integer(required=True)
    features = fields.List(fields.String(validate=validate.OneOf(FEATURES)), required=True)


get_organisation = contract.query(
    "get_organisation", "The caller's organisation.", request={}, reply=Organisation, access=SIGNED_IN
)
set_features = contract.command(
    "set_features",
    "Switch features on and off. `provider_portal` needs `referralq`.",
    request={"features": fields.List(fields.String(validate=validate.OneOf(FEATURES)), required=True)},
    reply=Organisation,
    access=permission("organisation.manage"),
    errors=("feature_needs_another",),
    expects_version=True,
)
organisation_created = contract.event(
    "organisation_created", "A tenant was created.", data={"organisation_id": Id(required=True)}
)
