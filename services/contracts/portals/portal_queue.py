"""The queue of requests and secure messages from all portals, and its archive."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, page_of, permission
from services.contracts.fields import (
    CalendarDay,
    CalendarMoment,
    Code,
    Count,
    Day,
    Flag,
    Id,
    Ids,
    Moment,
    Text,
    TimeZone,
    number_of,
    one_of,
)
from services.contracts.identity.paging import PAGE
from services.contracts.portals import contract
from services.contracts.portals.message_types import HELPER_ACTIONS, ITEM_KINDS
from services.contracts.portals.messages import MOST_TEXT, WORK, Message

LEFT_OPEN, COMPLETED, NOT_COMPLETED = "left_open", "completed", "not_completed"
OPEN = "open"
OUTCOMES = (LEFT_OPEN, COMPLETED, NOT_COMPLETED)
DISMISSALS = (COMPLETED, NOT_COMPLETED)
STATES = (OPEN, COMPLETED, NOT_COMPLETED)
PRIORITIES = ("routine", "urgent")
ACTION_STATES = ("none", "started", "finished")
ORDERS = ("oldest", "newest", "due")
ASSIGNED = ("me", "nobody", "somebody")
# Who is told, one after another, of what nobody has answered in its time.
LEVELS = ("holder", "surrogate", "supervisor")
STEPS = (
    "received",
    "entered",
    "claimed",
    "assigned",
    "released",
    "changed",
    "message_received",
    "answered",
    "completed",
    "not_completed",
    "unarchived",
    "action_started",
    "action_finished",
    "application_sent",
    "application_ended",
)
_WORK = permission(WORK, realms=STAFF)
_CONFIGURE = permission("portal.configure", realms=STAFF)


class QueueItem(Reply):
    """A request or message in a list. `assigned_to` is the account that has claimed it or got it, null for nobody.

    `is_waiting`: the person has written after staff's last answer, or has had none yet. `escalated_to`: who was told last that it
    waits past its time. `person_id` is null of an application that is not sent yet: there is no person before.
    """

    id = Id(required=True)
    version = Count(required=True)
    kind = one_of(ITEM_KINDS, required=True)
    type = Code(required=True)
    type_name = fields.String(required=True)
    department = fields.String(required=True)
    person_id = Id(required=True, allow_none=True)
    person_name = fields.String(required=True)
    account_id = Id(required=True, allow_none=True)
    portal = fields.String(required=True, allow_none=True)
    priority = one_of(PRIORITIES, required=True)
    requested_at = Moment(required=True)
    due_at = Moment(required=True)
    is_overdue = Flag(required=True)
    is_waiting = Flag(required=True)
    escalated_to = one_of(LEVELS, required=True, allow_none=True)
    state = one_of(STATES, required=True)
    dismissed_at = Moment(required=True, allow_none=True)
    assigned_to = Id(required=True, allow_none=True)
    assigned_to_name = fields.String(allow_none=True)
    helper_action = one_of(HELPER_ACTIONS, required=True)
    action_state = one_of(ACTION_STATES, required=True)
    result_link = fields.String(required=True, allow_none=True)
    reference_type = Code(required=True, allow_none=True)
    reference_id = Id(required=True, allow_none=True)


class QueueStep(Reply):
    """Something that was done with an item."""

    at = Moment(required=True)
    step = one_of(STEPS, required=True)
    actor_id = fields.String(required=True)
    actor_id_name = fields.String(allow_none=True)


class ToldAccount(Reply):
    """An account that was told."""

    account_id = Id(required=True)
    account_id_name = fields.String(allow_none=True)


class QueueEscalation(Reply):
    """Who was told that an item waits past its time."""

    at = Moment(required=True)
    level = one_of(LEVELS, required=True)
    accounts = fields.List(fields.Nested(ToldAccount), required=True)


class WholeQueueItem(QueueItem):
    """An item with its text, the messages of its conversation, and all that was done with it, each oldest first.

    `usual_outcome` and `confirms_dismissal` are the organisation's settings.
    """

    text = fields.String(required=True)
    questionnaire_id = Id(required=True, allow_none=True)
    messages = fields.List(fields.Nested(Message), required=True)
    steps = fields.List(fields.Nested(QueueStep), required=True)
    escalations = fields.List(fields.Nested(QueueEscalation), required=True)
    usual_outcome = one_of(OUTCOMES, required=True)
    confirms_dismissal = Flag(required=True)
    draft = fields.String(
        required=True, allow_none=True, metadata={"description": "what the caller has begun to answer"}
    )


class QueueCount(Reply):
    """How many open items one department or type has, and how many of them wait for an answer."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    open = Count(required=True)
    waiting = Count(required=True)


class QueueCounts(Reply):
    """How many open items there are. `escalated` are those of which somebody was told that they wait past their time."""

    open = Count(required=True)
    waiting = Count(required=True)
    unassigned = Count(required=True)
    mine = Count(required=True)
    overdue = Count(required=True)
    urgent = Count(required=True)
    escalated = Count(required=True)
    departments = fields.List(fields.Nested(QueueCount), required=True)
    types = fields.List(fields.Nested(QueueCount), required=True)


class PortalQueueSettings(Reply):
    """How the organisation works on its queue, and what it tells people who write.

    `result_hosts` are the hosts to which the link of a helper action may lead. Service times count on `working_days` (1 is Monday) in
    `time_zone`, but neither on `holidays` of a country, or of a part such as US-CA, nor on the days `closed_on`. What nobody has
    answered in its time is told to one after another, with `escalation_hours` between. With `lists_begun_applications` an application
    is an item of the queue from when it is begun, and not only once it is sent.
    """

    version = Count(required=True)
    usual_outcome = one_of(OUTCOMES, required=True)
    confirms_dismissal = Flag(required=True)
    reply_within_days = Count(required=True)
    before_writing = fields.String(required=True, allow_none=True)
    most_characters = Count(required=True)
    most_a_day = Count(required=True)
    most_a_week = Count(required=True)
    result_hosts = fields.List(fields.String(), required=True)
    working_days = fields.List(Count(), required=True)
    time_zone = fields.String(required=True)
    holidays = fields.String(required=True, allow_none=True)
    closed_on = fields.List(Day(), required=True)
    escalation_hours = Count(required=True)
    lists_begun_applications = Flag(required=True)


_ITEM = {"item_id": Id(required=True)}
_PAGE_OF_ITEMS = page_of(QueueItem)
_CHANGES: dict[str, Any] = {
    "reply": QueueItem,
    "access": _WORK,
    "errors": ("not_found", "item_archived"),
    "expects_version": True,
}
_FILTERS = {
    "department": Text(load_default=None, allow_none=True, most=60),
    "type": Code(load_default=None, allow_none=True),
    "kind": one_of(ITEM_KINDS, load_default=None, allow_none=True),
}

list_queue = contract.query(
    "list_queue",
    "Open requests and secure messages from all portals, oldest first unless another order is wanted.",
    request={
        **_FILTERS,
        "assigned": one_of(ASSIGNED, load_default=None, allow_none=True),
        "priority": one_of(PRIORITIES, load_default=None, allow_none=True),
        "is_overdue": Flag(load_default=None, allow_none=True),
        "is_waiting": Flag(load_default=None, allow_none=True),
        "is_escalated": Flag(load_default=None, allow_none=True),
        "order": one_of(ORDERS, load_default="oldest"),
        **PAGE,
    },
    reply=_PAGE_OF_ITEMS,
    access=_WORK,
)
count_queue = contract.query(
    "count_queue", "How many open items there are.", request={}, reply=QueueCounts, access=_WORK
)
get_queue_item = contract.query(
    "get_queue_item",
    "One item with its conversation and its history. Reading it is audited.",
    request=_ITEM,
    reply=WholeQueueItem,
    access=_WORK,
    errors=("not_found",),
)
list_request_types = contract.query(
    "list_request_types",
    "The message types that a request can be entered as, by name.",
    request={},
    reply={
        "items": fields.List(
            fields.Nested({"code": Code(required=True), "name": fields.String(required=True)}), required=True
        )
    },
    access=_WORK,
)
enter_request = contract.command(
    "enter_request",
    "Enter a request for somebody who has called or written. It is worked on like one from a portal.",
    request={
        "person_id": Id(required=True),
        "type": Code(required=True),
        "text": Text(required=True, most=MOST_TEXT),
        "priority": one_of(PRIORITIES, load_default="routine"),
    },
    reply=QueueItem,
    access=_WORK,
    errors=("not_found",),
    status=201,
)
claim_queue_item = contract.command(
    "claim_queue_item",
    "Take an item for oneself.",
    request=_ITEM,
    **{**_CHANGES, "errors": ("not_found", "item_archived", "conflict")},
)
assign_queue_item = contract.command(
    "assign_queue_item",
    "Give an item to somebody who may work on the queue, or to nobody. Who stands in for somebody who is away gets it.",
    request={**_ITEM, "account_id": Id(required=True, allow_none=True)},
    **_CHANGES,
)
change_queue_item = contract.command(
    "change_queue_item",
    "Change the priority, the department or the time until which an item is due. Only what is given changes.",
    request={
        **_ITEM,
        "priority": one_of(PRIORITIES),
        "department": Text(most=60),
        "due_at": CalendarMoment(),
    },
    **_CHANGES,
)
answer_queue_item = contract.command(
    "answer_queue_item",
    "Answer an item by secure message. An e-mail says that a message waits, unless `notify` is false. The message belongs to "
    "the request, unless `associate` is false. `outcome` says what becomes of the request, in the same step; without it, what "
    "the organisation has set. A change of details is completed by accepting it only.",
    request={
        **_ITEM,
        "text": Text(required=True, most=MOST_TEXT),
        "notify": Flag(load_default=True),
        "associate": Flag(load_default=True),
        "outcome": one_of(OUTCOMES, load_default=None, allow_none=True),
    },
    reply=QueueItem,
    access=_WORK,
    errors=("not_found", "item_archived", "no_portal_account", "conflict"),
    expects_version=True,
)
save_reply_draft = contract.command(
    "save_reply_draft",
    "Keep what the caller has begun to answer, until it is sent; an empty text throws it away. With `saved_reply_id` that reply "
    "is added at the end, in the words of the item's portal.",
    request={
        **_ITEM,
        "text": Text(load_default="", most=MOST_TEXT, least=0),
        "saved_reply_id": Id(load_default=None, allow_none=True),
    },
    reply={"item_id": Id(required=True), "draft": fields.String(required=True, allow_none=True)},
    access=_WORK,
    errors=("not_found",),
)
dismiss_queue_item = contract.command(
    "dismiss_queue_item",
    "Put an item into the archive, as completed or because it will not be completed. Nothing else ever closes one. A change of "
    "details is completed by accepting it only.",
    request={
        **_ITEM,
        "outcome": one_of(DISMISSALS, required=True),
        "confirm": Flag(load_default=False),
    },
    reply=QueueItem,
    access=_WORK,
    errors=("not_found", "item_archived", "confirmation_required", "conflict"),
    expects_version=True,
)
unarchive_queue_item = contract.command(
    "unarchive_queue_item",
    "Bring an item back from the archive into the queue, with its history. It has to be confirmed.",
    request={**_ITEM, "confirm": Flag(load_default=False)},
    reply=QueueItem,
    access=_WORK,
    errors=("not_found", "item_open", "confirmation_required"),
    expects_version=True,
)
search_archive = contract.command(
    "search_archive",
    "Items of the archive, newest request first, then by the name of the person. `words` are looked for in the name, the "
    "type and the texts. These do not belong in a URL, so this question is a POST.",
    request={
        "words": Text(load_default=None, allow_none=True, most=200, least=0),
        "person_id": Id(load_default=None, allow_none=True),
        "outcome": one_of(DISMISSALS, load_default=None, allow_none=True),
        "from_on": CalendarDay(load_default=None, allow_none=True),
        "until_on": CalendarDay(load_default=None, allow_none=True),
        **_FILTERS,
        **PAGE,
    },
    reply=_PAGE_OF_ITEMS,
    access=_WORK,
    keeps_answer=False,
)
start_helper_action = contract.command(
    "start_helper_action",
    "Start what the item's type is helped with, such as a note with the prescription of a refill request. Upstream systems are "
    "told by an event, read the rest of the item and send a link to the result.",
    request=_ITEM,
    reply=QueueItem,
    access=_WORK,
    errors=("not_found", "item_archived", "no_helper_action"),
    expects_version=True,
)
finish_helper_action = contract.command(
    "finish_helper_action",
    "The link to what a helper action has made. Its host has to be one that the organisation allows.",
    request={
        **_ITEM,
        "result_link": fields.String(
            required=True,
            validate=[
                validate.Length(max=500),
                validate.URL(schemes={"https"}, error="An address that begins with https:// is expected."),
            ],
        ),
    },
    reply=QueueItem,
    access=_WORK,
    errors=("not_found", "no_helper_action", "result_link_refused"),
    honours_version=True,
)
get_queue_settings = contract.query(
    "get_queue_settings",
    "How the organisation works on its queue, and what it tells people who write.",
    request={},
    reply=PortalQueueSettings,
    access=_CONFIGURE,
)
change_queue_settings = contract.command(
    "change_queue_settings",
    "Change how the organisation works on its queue. Only what is given changes.",
    request={
        "usual_outcome": one_of(OUTCOMES),
        "confirms_dismissal": Flag(),
        "reply_within_days": number_of(60),
        "before_writing": Text(allow_none=True, most=1000),
        "most_characters": number_of(MOST_TEXT),
        "most_a_day": number_of(1000),
        "most_a_week": number_of(5000),
        "result_hosts": fields.List(
            fields.String(
                validate=validate.Regexp(
                    r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\Z",
                    error="A host such as records.example.org is expected.",
                )
            ),
            validate=validate.Length(max=20),
        ),
        "working_days": fields.List(number_of(7), validate=validate.Length(1, 7)),
        "time_zone": TimeZone(),
        "holidays": Text(allow_none=True, most=10),
        "closed_on": fields.List(CalendarDay(), validate=validate.Length(max=60)),
        "escalation_hours": number_of(240),
        "lists_begun_applications": Flag(),
    },
    reply=PortalQueueSettings,
    access=_CONFIGURE,
    expects_version=True,
)

_OF_ITEM = {"item_id": Id(required=True), "type": Code(required=True), "version": Count(required=True)}
item_received = contract.event(
    "item_received",
    "A request or message came into the queue.",
    data={**_OF_ITEM, "kind": Code(required=True), "due_at": Moment(required=True)},
)
item_answered = contract.event(
    "item_answered",
    "Staff have answered an item. `outcome` is what became of it.",
    data={**_OF_ITEM, "outcome": Code(required=True)},
)
item_dismissed = contract.event(
    "item_dismissed", "An item was put into the archive.", data={**_OF_ITEM, "outcome": Code(required=True)}
)
item_unarchived = contract.event(
    "item_unarchived", "An item was brought back into the queue.", data=dict(_OF_ITEM)
)
item_changed = contract.event(
    "item_changed",
    "Who has an open item, its priority, its department or its due time was changed.",
    data=dict(_OF_ITEM),
)
item_escalated = contract.event(
    "item_escalated",
    "An open item waits past its time, and these accounts are told.",
    data={
        **_OF_ITEM,
        "level": Code(required=True),
        "account_ids": Ids(required=True),
        "due_at": Moment(required=True),
    },
)
helper_action_started = contract.event(
    "helper_action_started",
    "Staff have asked for what helps with an item. The rest of the item is read by `get_queue_item`; "
    "`finish_helper_action` takes the link to the result.",
    data={**_OF_ITEM, "action": Code(required=True), "started_at": Moment(required=True)},
)
helper_action_finished = contract.event(
    "helper_action_finished",
    "What helps with an item is there.",
    data={**_OF_ITEM, "action": Code(required=True)},
)
