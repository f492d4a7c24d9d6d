"""Channels: how messages leave, and whether they arrive."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, permission
from services.contracts.fields import Code, Count, Flag, Id, Moment, one_of
from services.contracts.notifications import contract

CHANNELS = ("email", "fax", "text", "webhook")
LEAST_DAYS = 30
"""So long the receipts of a document's messages are asked for."""
MANAGE = permission("organisation.manage", realms=("staff",))


class ChannelView(Reply):
    """A channel: whether it is set up, and what became of the organisation's newest messages of the last day."""

    channel = Code(required=True)
    is_set_up = Flag(required=True)
    is_encrypted = Flag(
        required=True, allow_none=True, metadata={"description": "null where nothing is set up"}
    )
    is_resting = Flag(
        required=True,
        metadata={"description": "its provider failed several times in a row and is left alone for a while"},
    )
    waiting = Count(required=True)
    sent = Count(required=True)
    failed = Count(required=True)
    last_sent_at = Moment(required=True, allow_none=True)
    providers = fields.List(
        fields.Nested({"name": fields.String(required=True), "share": Count(required=True)}),
        required=True,
        metadata={
            "description": "of several providers, the share of messages in percent that each gets, as the process that answers has it"
        },
    )


class ChannelSettings(Reply):
    """For how many days finished messages are kept, by channel, and the limits within which an organisation may choose.

    `client_messages_today`: how many messages the organisation's API clients have caused today (UTC), of `client_messages_a_day`.
    What is more waits until the next day; what must be told, such as an invitation or a document to sign, does not.
    """

    version = Count(required=True)
    kept_days = fields.Dict(keys=one_of(CHANNELS), values=Count(), required=True)
    least_days = Count(required=True)
    most_days = Count(required=True)
    client_messages_today = Count(required=True)
    client_messages_a_day = Count(required=True)


list_channels = contract.query(
    "list_channels",
    "How messages leave, and what became of the newest 1000 messages of the last day.",
    request={},
    reply={"items": fields.List(fields.Nested(ChannelView), required=True)},
    access=MANAGE,
)
send_test_mail = contract.command(
    "send_test_mail",
    "Send a test mail to the caller's own address. There is one at a time.",
    request={},
    reply={"delivery_id": Id(required=True)},
    access=MANAGE,
    errors=("too_many_requests",),
    status=202,
)
get_channel_settings = contract.query(
    "get_channel_settings",
    "For how long finished messages are kept, and how many messages API clients may cause.",
    request={},
    reply=ChannelSettings,
    access=MANAGE,
)
set_channel_settings = contract.command(
    "set_channel_settings",
    "Choose for how many days finished messages are kept, by channel. What is older is deleted within the hour. A channel that is "
    "left out is as the installation has it.",
    request={
        "kept_days": fields.Dict(
            keys=one_of(CHANNELS),
            values=fields.Integer(validate=validate.Range(LEAST_DAYS, 3650)),
            required=True,
        )
    },
    reply=ChannelSettings,
    access=MANAGE,
    errors=("kept_too_long",),
    expects_version=True,
)
