"""The author of an action or a text, as answers show it."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply

SIDES = ("partner", "provider", "system")


class Actor(Reply):
    """The author of an action or a text: the account, its side, and its person's name.

    `name` is the first name and the initial of the last name ("Sam F."). It is null where the system acted, and where the
    name is not available at the moment. `organisation` is the partner's name, or the agency of the referral's program;
    null where it is not known.
    """

    id = fields.String(required=True)
    side = fields.String(required=True, validate=validate.OneOf(SIDES))
    name = fields.String(required=True, allow_none=True)
    organisation = fields.String(required=True, allow_none=True)
