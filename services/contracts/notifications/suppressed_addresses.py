"""Suppressed addresses: mailboxes that return mail. No mail of any kind goes there until somebody takes one off the list."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import SIGNED_IN, STAFF, Reply, page_of, permission
from services.contracts.fields import Id, Moment, one_of
from services.contracts.identity.paging import PAGE
from services.contracts.notifications import contract

REASONS = ("unknown_mailbox", "returned_often")
"""Its server says that nobody has it; or mails came back several times in a row."""


class SuppressedAddress(Reply):
    """A mailbox that returns mail. `account_id` is null for a mail to somebody without an account."""

    id = Id(required=True)
    masked_address = fields.String(required=True, metadata={"description": "such as m•••a@harbor.example"})
    account_id = Id(required=True, allow_none=True)
    delivery_id = Id(required=True, metadata={"description": "the mail that came back last"})
    reason = one_of(REASONS, required=True)
    since = Moment(required=True)


list_suppressed_addresses = contract.query(
    "list_suppressed_addresses",
    "Mailboxes that return mail, newest first. None is sent there.",
    request=PAGE,
    reply=page_of(SuppressedAddress),
    access=permission("delivery.read"),
)
remove_suppressed_address = contract.command(
    "remove_suppressed_address",
    "Take a mailbox off the list: mail is sent there again, until one comes back.",
    request={"suppressed_address_id": Id(required=True)},
    reply=SuppressedAddress,
    access=permission("organisation.manage", realms=STAFF),
    errors=("not_found",),
)
get_my_mailbox = contract.query(
    "get_my_mailbox",
    "Whether mail to the caller's address came back, so that none is sent there.",
    request={},
    reply={"suppressed_since": Moment(required=True, allow_none=True)},
    access=SIGNED_IN,
)
