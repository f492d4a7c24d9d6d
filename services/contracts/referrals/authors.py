"""Authors of actions and notes, as answers show them."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply
from services.contracts.fields import Flag

SIDES = ("partner", "provider", "system")


class Actor(Reply):
    """The author of an action or a note: the account, its side, its name and its organisation.

    `name` is the first name and the initial of the last name ("Sam F."). It is null where no person acted, or while the
    name is not available. `organisation` is the partner's name, or the agency of the referral's program; null where it is
    not known. `by_link`: whoever acted had not signed in, but used the link of a mail that was sent to the account.
    """

    id = fields.String(required=True)
    side = fields.String(required=True, validate=validate.OneOf(SIDES))
    name = fields.String(required=True, allow_none=True)
    organisation = fields.String(required=True, allow_none=True)
    by_link = Flag(load_default=False)
