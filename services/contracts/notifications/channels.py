"""Channels: how messages leave, and whether they arrive."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import Reply, permission
from services.contracts.fields import Code, Count, Flag, Id, Moment
from services.contracts.notifications import contract

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
