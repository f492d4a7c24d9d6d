"""How a portal presents itself."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import PUBLIC, SIGNED_IN, Reply, Request, permission
from services.contracts.fields import Code, Count, Text
from services.contracts.portals import contract

PORTALS = ("provider",)

COLOUR = validate.Regexp(
    r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z", error="A colour is # and three or six hexadecimal digits."
)


class TickerMessage(Request):
    """One message of the ticker; bold, italic and links are allowed."""

    text = Text(required=True, most=500)


class PortalConfiguration(Reply):
    """How a portal presents itself."""

    portal = fields.String(required=True, validate=validate.OneOf(PORTALS))
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    colour = fields.String(required=True)
    ticker = fields.List(fields.Nested({"text": fields.String(), "html": fields.String()}), required=True)


get_portal = contract.query(
    "get_portal",
    "How a portal of the caller's organisation presents itself.",
    request={"portal": fields.String(required=True, validate=validate.OneOf(PORTALS))},
    reply=PortalConfiguration,
    access=SIGNED_IN,
)

get_public_portal = contract.query(
    "get_public_portal",
    "Name and colour of a portal, for its log-in page.",
    request={
        "organisation": Code(required=True),
        "portal": fields.String(required=True, validate=validate.OneOf(PORTALS)),
    },
    reply={
        "portal": fields.String(required=True),
        "name": fields.String(required=True),
        "colour": fields.String(required=True),
    },
    access=PUBLIC,
    errors=("not_found",),
)

configure_portal = contract.command(
    "configure_portal",
    "Set a portal's name, colour and ticker. The next read shows the change.",
    request={
        "portal": fields.String(required=True, validate=validate.OneOf(PORTALS)),
        "name": Text(required=True, most=60),
        "colour": fields.String(required=True, validate=COLOUR),
        "ticker": fields.List(
            fields.Nested(TickerMessage), load_default=list, validate=validate.Length(max=20)
        ),
    },
    reply=PortalConfiguration,
    access=permission("portal.configure"),
    expects_version=True,
)


portal_configured = contract.event(
    "portal_configured",
    "The configuration of a portal was changed.",
    data={"portal": Code(required=True), "version": Count(required=True)},
)
