"""Suppressed addresses: mailboxes that return mail, addresses whose owners have complained, and numbers that have sent STOP.

To the first and the last nothing goes until one is off the list; after a complaint, only what must be told.
"""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import SIGNED_IN, STAFF, Reply, page_of, permission
from services.contracts.fields import Flag, Id, Moment, one_of
from services.contracts.identity.paging import PAGE
from services.contracts.notifications import contract

REASONS = ("unknown_mailbox", "returned_often", "complained", "stopped")
"""Its server says that nobody has it; mails came back several times in a row; its owner has complained of a message; its owner has
answered a text message with STOP."""


class SuppressedAddress(Reply):
    """An address on the list. `account_id` is null for a message to somebody without an account.

    `is_removable`: staff may take it off. A number that has sent STOP comes off by START alone.
    """

    id = Id(required=True)
    masked_address = fields.String(
        required=True, metadata={"description": "such as m•••a@harbor.example, or •••47 of a number"}
    )
    account_id = Id(required=True, allow_none=True)
    delivery_id = Id(
        required=True,
        metadata={
            "description": "the message that came back last; of STOP, the account's newest text message, or its id if none is kept"
        },
    )
    reason = one_of(REASONS, required=True)
    since = Moment(required=True)
    is_removable = Flag(required=True)


list_suppressed_addresses = contract.query(
    "list_suppressed_addresses",
    "Addresses that return mail, have complained or have sent STOP, newest first.",
    request=PAGE,
    reply=page_of(SuppressedAddress),
    access=permission("delivery.read"),
)
remove_suppressed_address = contract.command(
    "remove_suppressed_address",
    "Take an address off the list: messages are sent there again, until one comes back.",
    request={"suppressed_address_id": Id(required=True)},
    reply=SuppressedAddress,
    access=permission("organisation.manage", realms=STAFF),
    errors=("not_found", "stopped_by_owner"),
)
get_my_mailbox = contract.query(
    "get_my_mailbox",
    "Whether mail to the caller's address came back or was complained of, so that none, or only what must be told, is sent there.",
    request={},
    reply={
        "suppressed_since": Moment(required=True, allow_none=True),
        "reason": one_of(REASONS, required=True, allow_none=True),
    },
    access=SIGNED_IN,
)
