"""Unsubscribe links: mail programs end mails of one kind with one click (RFC 8058), and nobody has to sign in.

The link's token is signed, names one mail, and does nothing else. It ends with the account, and with the address that the mail
went to.
"""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import PUBLIC, Reply
from services.contracts.fields import Secret, one_of
from services.contracts.identity.realms import REALMS
from services.contracts.notifications import contract
from services.contracts.notifications.preferences import GROUPS

RESOURCE_ASSIGNED = "resource_assigned"
"""What a provider switches in the profile (`set_my_notifications`)."""
DAILY_DIGEST = "daily_digest"
"""The summary of the day: with it ends what it tells."""
ENDED = (*GROUPS, RESOURCE_ASSIGNED, DAILY_DIGEST)

_TOKEN = {"token": Secret(required=True, metadata={"description": "the end of the link's address"})}


class UnsubscribeLink(Reply):
    """Which mails a link ends, and for an account of which organisation and realm."""

    group = one_of(ENDED, required=True)
    organisation_key = fields.String(required=True)
    organisation_name = fields.String(required=True)
    realm = one_of(REALMS, required=True)


inspect_unsubscribe_link = contract.query(
    "inspect_unsubscribe_link",
    "Which mails an unsubscribe link ends. It changes nothing.",
    request=_TOKEN,
    reply=UnsubscribeLink,
    access=PUBLIC,
    errors=("not_found",),
)
unsubscribe = contract.command(
    "unsubscribe",
    "Send the link's account no mails of this group any more. The account's owner can switch them on again after signing in.",
    request=_TOKEN,
    reply=UnsubscribeLink,
    access=PUBLIC,
    errors=("not_found",),
)
