"""The inbox of a portal: what its people write, what they are written, and what became of their requests."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import PORTAL_REALMS, Reply, signed_in
from services.contracts.fields import Code, Count, Day, Flag, Id, Moment, Text, one_of
from services.contracts.identity.paging import PAGE
from services.contracts.portals import contract
from services.contracts.portals.definitions import Suffix
from services.contracts.portals.messages import MOST_TEXT, MessageFile

BOXES = ("all", "inbox", "sent")
RECEIVED, IN_WORK, ANSWERED = "received", "in_work", "answered"
# The record has the change that was asked for; staff have dismissed it, and the record is as before.
CHANGE_ACCEPTED, CHANGE_REFUSED = "change_accepted", "change_refused"
THREAD_STATES = (
    RECEIVED,
    IN_WORK,
    ANSWERED,
    "completed",
    "not_completed",
    CHANGE_ACCEPTED,
    CHANGE_REFUSED,
    "none",
)
_OWN = signed_in(*PORTAL_REALMS)


class Away(Reply):
    """Until when, this day included, nobody there answers, and what they say about it."""

    until_on = Day(required=True)
    text = fields.String(required=True, allow_none=True)


class GroupToSend(Reply):
    """A group of staff that can be chosen. `away` where all of it are away today."""

    id = Id(required=True)
    name = fields.String(required=True)
    away = fields.Nested(Away, required=True, allow_none=True)


class TypeToSend(Reply):
    """A message type that the caller may send. `questionnaire_id` is the form that goes with it.

    It goes to one of `groups`, or to where the organisation sends this type; `away` where all are away there.
    """

    code = Code(required=True)
    name = fields.String(required=True)
    questionnaire_id = Id(required=True, allow_none=True)
    groups = fields.List(fields.Nested(GroupToSend), required=True)
    away = fields.Nested(Away, required=True, allow_none=True)


class WritingRules(Reply):
    """What the caller may write in a portal, about whom, and how much. `left` is how many messages may be sent now."""

    portal = Suffix(required=True)
    types = fields.List(fields.Nested(TypeToSend), required=True)
    person_ids = fields.List(Id(), required=True)
    own_id = Id(required=True, allow_none=True)
    reply_within_days = Count(required=True)
    before_writing = fields.String(required=True, allow_none=True)
    most_characters = Count(required=True)
    left = Count(required=True)


class MyThread(Reply):
    """A conversation in a list. `state` says what became of the request: `none` where there is no request."""

    id = Id(required=True)
    person_id = Id(required=True)
    type = Code(required=True)
    type_name = fields.String(required=True)
    started_at = Moment(required=True)
    last_at = Moment(required=True)
    unread = Count(required=True)
    state = one_of(THREAD_STATES, required=True)


class AskedChange(Reply):
    """A change of the record that a message asks for, and what was added to it. `replaces` are the values that it takes away.

    `values` are those of the section's kind of published items; of details, what is asked for of each.
    """

    section = Code(required=True)
    values = fields.Dict(required=True, allow_none=True)
    replaces = fields.Dict(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)


class MyMessage(Reply):
    """A message of a conversation. `read_at` says when the person opened a message of staff.

    `change` is what it asks to change, which `text` says in English.
    """

    id = Id(required=True)
    is_mine = Flag(required=True)
    text = fields.String(required=True)
    file = fields.Nested(MessageFile, required=True, allow_none=True)
    sent_at = Moment(required=True)
    read_at = Moment(required=True, allow_none=True)
    change = fields.Nested(AskedChange, required=True, allow_none=True)


class MyWholeThread(MyThread):
    """A conversation with its messages, oldest first. `away` where whoever answers in it is away today."""

    messages = fields.List(fields.Nested(MyMessage), required=True)
    away = fields.Nested(Away, required=True, allow_none=True)
    rules = fields.Nested(WritingRules, required=True)


class MyThreads(Reply):
    """A page of conversations, and how many messages of all of them are unread."""

    items = fields.List(fields.Nested(MyThread), required=True)
    next = fields.String(required=True, allow_none=True)
    unread = Count(required=True)


get_writing_rules = contract.query(
    "get_writing_rules",
    "What the caller may write in a portal, about whom and how much.",
    request={"portal": Suffix(required=True)},
    reply=WritingRules,
    access=_OWN,
    errors=("not_found",),
)
send_my_message = contract.command(
    "send_my_message",
    "Write to the organisation. It goes to the queue of a department or of the group that was chosen, not to one person.",
    request={
        "portal": Suffix(required=True),
        "type": Code(required=True),
        "group_id": Id(load_default=None, allow_none=True),
        "person_id": Id(load_default=None, allow_none=True),
        "text": Text(required=True, most=MOST_TEXT),
    },
    reply=MyThread,
    access=_OWN,
    errors=("not_found", "message_type_not_offered", "too_many_requests"),
    status=201,
)
reply_in_my_thread = contract.command(
    "reply_in_my_thread",
    "Write on in a conversation. Where its request is closed, the organisation gets a new item.",
    request={"thread_id": Id(required=True), "text": Text(required=True, most=MOST_TEXT)},
    reply=MyThread,
    access=_OWN,
    errors=("not_found", "too_many_requests"),
    status=201,
)
list_my_threads = contract.query(
    "list_my_threads",
    "The caller's conversations, the latest first. The inbox has those with messages of the organisation, sent has the caller's.",
    request={
        "box": one_of(BOXES, load_default="all"),
        "person_id": Id(load_default=None, allow_none=True),
        **PAGE,
    },
    reply=MyThreads,
    access=_OWN,
    errors=("not_found",),
)
get_my_thread = contract.query(
    "get_my_thread",
    "One conversation. Reading it is audited, and the organisation sees that its messages were opened.",
    request={"thread_id": Id(required=True)},
    reply=MyWholeThread,
    access=_OWN,
    errors=("not_found",),
)
