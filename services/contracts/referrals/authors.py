"""Who did or wrote something, as answers show it."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply

SIDES = ("partner", "provider", "system")


class Actor(Reply):
    """Who did or wrote something: the account, on which side it works, and who that is.

    `name` is the first name and the initial of the last ("Sam F."); null where nobody acted or no name can be told at the
    moment. `organisation` is the partner's name or the agency of the referral's program; null where it is not known.
    """

    id = fields.String(required=True)
    side = fields.String(required=True, validate=validate.OneOf(SIDES))
    name = fields.String(required=True, allow_none=True)
    organisation = fields.String(required=True, allow_none=True)
