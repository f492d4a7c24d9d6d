"""Organisations: the tenants and their features."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, SIGNED_IN, Reply, permission
from services.contracts.fields import Code, EmailAddress, Flag, Id, Telephone, Text, TimeZone, one_of
from services.contracts.identity import contract
from services.contracts.identity.realms import REALMS

FEATURES = (
    "referralq",
    "provider_portal",
    "electronic_signature",
    "patient_registration",
    "auto_return",
    "act_from_mail",
)


SHORT_NAME = validate.And(
    validate.Length(min=2, max=40),
    validate.Regexp(
        r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z",
        error="Small letters, digits and single hyphens, beginning with a letter, such as harbor-county.",
    ),
)


class PublicFacts(Reply):
    """What anybody may know of an organisation.

    `short_name` is its name in addresses; `key`, which never changes, is known there as well. `realms` are those whose portals
    it has published, without those that are switched off. `takes_registrations`: patients may register themselves.
    """

    key = Code(required=True)
    short_name = Code(required=True)
    name = fields.String(required=True)
    telephone = fields.String(required=True, allow_none=True)
    postal_address = fields.String(required=True, allow_none=True)
    time_zone = fields.String(required=True)
    realms = fields.List(one_of(REALMS), required=True)
    takes_registrations = Flag(required=True)


class Organisation(Reply):
    """A tenant. `published_realms` are those whose portals the public is told of."""

    id = Id(required=True)
    key = Code(required=True)
    name = fields.String(required=True)
    version = fields.Integer(required=True)
    short_name = Code(required=True)
    telephone = fields.String(required=True, allow_none=True)
    postal_address = fields.String(required=True, allow_none=True)
    time_zone = fields.String(required=True)
    published_realms = fields.List(one_of(REALMS), required=True)
    features = fields.List(fields.String(validate=validate.OneOf(FEATURES)), required=True)


get_organisation = contract.query(
    "get_organisation",
    "The caller's organisation.",
    request={},
    reply=Organisation,
    access=SIGNED_IN,
    before_consent=True,
)
set_features = contract.command(
    "set_features",
    "Switch features on and off. `provider_portal` needs `referralq`. `patient_registration` opens the registration form. "
    "With `act_from_mail` people answer referrals, confirm capacity and appointments by the link of a mail, without signing in.",
    request={"features": fields.List(fields.String(validate=validate.OneOf(FEATURES)), required=True)},
    reply=Organisation,
    access=permission("organisation.manage"),
    errors=("feature_needs_another",),
    expects_version=True,
)
set_public_facts = contract.command(
    "set_public_facts",
    "Set what everybody may know of the organisation: its short name in addresses, which no other organisation has, "
    "telephone number, time zone, and the realms whose portals it publishes. Its postal address stands on every page; it stays as "
    "it is where it is left out, and without one none is shown.",
    request={
        "short_name": fields.String(required=True, validate=SHORT_NAME),
        "telephone": Telephone(required=True, allow_none=True),
        "postal_address": Text(allow_none=True, most=300),
        "time_zone": TimeZone(required=True),
        "published_realms": fields.List(
            one_of(REALMS), required=True, validate=validate.Length(max=len(REALMS))
        ),
    },
    reply=Organisation,
    access=permission("organisation.manage"),
    errors=("short_name_taken",),
    expects_version=True,
)
get_public_organisation = contract.query(
    "get_public_organisation",
    "What anybody may know of the organisation with this short name or key. Without one: of the only organisation of the "
    "installation, `not_found` where there are several.",
    request={"organisation": Code(load_default=None, allow_none=True)},
    reply=PublicFacts,
    access=PUBLIC,
    errors=("not_found",),
)
request_portal_reminder = contract.command(
    "request_portal_reminder",
    "Find my portal: each organisation with an account of this e-mail address sends it a message with the address of its "
    "portals. The answer is the same whether or not there is one.",
    request={"email": EmailAddress(required=True)},
    reply={},
    access=PUBLIC,
    errors=("too_many_requests",),
    status=202,
)
portal_reminder_requested = contract.event(
    "portal_reminder_requested",
    "Somebody has asked which organisations know the e-mail address of this account. A message tells the account's owner.",
    data={"account_id": Id(required=True), "short_name": Code(required=True)},
)
organisation_created = contract.event(
    "organisation_created", "A tenant was created.", data={"organisation_id": Id(required=True)}
)
organisation_time_zone_set = contract.event(
    "organisation_time_zone_set",
    "An organisation has another time zone.",
    data={"organisation_id": Id(required=True), "time_zone": TimeZone(required=True)},
)
