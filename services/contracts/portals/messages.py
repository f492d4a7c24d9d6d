"""Secure messages between staff and the people of portals: correspondence, and messages that staff begin."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import STAFF, Reply, page_of, permission
from services.contracts.fields import Code, Count, Flag, Id, Ids, Moment, Text
from services.contracts.identity.paging import PAGE
from services.contracts.portals import contract

WORK = "portal_queue.work"
MOST_TEXT = 10_000


class MessageFile(Reply):
    """The file that a message is. `size` is in bytes."""

    media_type = fields.String(required=True)
    size = Count(required=True)


class Message(Reply):
    """A message as staff see it. `account_id` is null where it went to every account of the person. One that is a file has no text."""

    id = Id(required=True)
    thread_id = Id(required=True)
    person_id = Id(required=True)
    account_id = Id(required=True, allow_none=True)
    item_id = Id(required=True, allow_none=True)
    is_from_staff = Flag(required=True)
    author_id = fields.String(required=True)
    author_id_name = fields.String(allow_none=True)
    type = Code(required=True)
    type_name = fields.String(required=True)
    text = fields.String(required=True)
    file = fields.Nested(MessageFile, required=True, allow_none=True)
    sent_at = Moment(required=True)
    read_at = Moment(required=True, allow_none=True)
    is_notified = Flag(required=True)


list_correspondence = contract.query(
    "list_correspondence",
    "What staff and a person have written to each other, newest first. Reading it is audited.",
    request={"person_id": Id(required=True), **PAGE},
    reply=page_of(Message),
    access=permission(WORK, realms=STAFF),
)
start_message = contract.command(
    "start_message",
    "Write to a person in their portals. An e-mail says that a message waits, unless `notify` is false. It says no more.",
    request={
        "person_id": Id(required=True),
        "type": Code(load_default="general_message"),
        "text": Text(required=True, most=MOST_TEXT),
        "notify": Flag(load_default=True),
    },
    reply=Message,
    access=permission(WORK, realms=STAFF),
    errors=("not_found", "no_portal_account", "message_type_not_offered"),
    status=201,
)

message_sent = contract.event(
    "message_sent",
    "Staff have written to a person of a portal. With `is_notified` these accounts are told that a message waits.",
    data={
        "message_id": Id(required=True),
        "person_id": Id(required=True),
        "type": Code(required=True),
        "account_ids": Ids(required=True),
        "is_notified": Flag(required=True),
    },
)
message_received = contract.event(
    "message_received",
    "A person of a portal has written.",
    data={
        "message_id": Id(required=True),
        "person_id": Id(required=True),
        "type": Code(required=True),
        "item_id": Id(required=True),
    },
)
message_read = contract.event(
    "message_read",
    "A person of a portal has opened what staff had written. `account_id` is whose account it was.",
    data={
        "thread_id": Id(required=True),
        "person_id": Id(required=True),
        "messages": Count(required=True),
        "account_id": Id(),
    },
)
