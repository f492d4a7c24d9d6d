"""Message types: what people and staff write to each other about, and which of them a portal sends and receives."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, permission
from services.contracts.fields import Code, Count, Flag, Id, Ids, Text, number_of, one_of
from services.contracts.portals import contract
from services.contracts.portals.definitions import Suffix

REQUEST, MESSAGE = "request", "message"
ITEM_KINDS = (REQUEST, MESSAGE)
# From which kinds of portals people write.
SENDING_KINDS = ("employee", "supervisor", "one_time_code", "patient", "family", "applicant")
# What an upstream system does when staff press the helper button beside an item (S3-3).
HELPER_ACTIONS = ("none", "prescription_note", "encounter_note", "appointment", "questionnaire", "open_chart")
APPOINTMENT, GENERAL = "request_an_appointment", "general_message"
MOST_TYPES = 100
MOST_OF_TYPE = 20  # groups that people may choose from
_SEE = permission("portal.view_preliminary_documents", realms=STAFF)
_CONFIGURE = permission("portal.manage_chart_tabs", realms=STAFF)


class MessageType(Reply):
    """A message type. `sent_from` are the kinds of portals from which people may send it, `is_received` whether staff may.

    It goes to its department, or to the one of `group_ids` that people choose.
    """

    code = Code(required=True)
    name = fields.String(required=True)
    item_kind = one_of(ITEM_KINDS, required=True)
    sent_from = fields.List(one_of(SENDING_KINDS), required=True)
    is_received = Flag(required=True)
    department = fields.String(required=True)
    group_ids = Ids(required=True)
    questionnaire_id = Id(required=True, allow_none=True)
    helper_action = one_of(HELPER_ACTIONS, required=True)
    service_hours = Count(required=True)
    is_enabled = Flag(required=True)
    version = Count(required=True)


class PortalMessageTypes(Reply):
    """Which types people of a portal may send, in their order, and which ones staff may send to them."""

    portal = Suffix(required=True)
    version = Count(required=True)
    sending = fields.List(fields.Nested(MessageType), required=True)
    receiving = fields.List(fields.Nested(MessageType), required=True)
    can_be_sent = fields.List(fields.Nested(MessageType), required=True)
    can_be_received = fields.List(fields.Nested(MessageType), required=True)


_MEMBERS = {
    "name": Text(required=True, most=60),
    "item_kind": one_of(ITEM_KINDS, required=True),
    "sent_from": fields.List(
        one_of(SENDING_KINDS), load_default=list, validate=validate.Length(max=len(SENDING_KINDS))
    ),
    "is_received": Flag(load_default=False),
    "department": Text(required=True, most=60),
    "group_ids": Ids(load_default=list, validate=validate.Length(max=MOST_OF_TYPE)),
    "questionnaire_id": Id(load_default=None, allow_none=True),
    "helper_action": one_of(HELPER_ACTIONS, load_default="none"),
    "service_hours": number_of(24 * 90, load_default=72),
    "is_enabled": Flag(load_default=False),
}
_CODES = fields.List(Code(), required=True, validate=validate.Length(max=MOST_TYPES))

list_message_types = contract.query(
    "list_message_types",
    "All message types of the organisation, by name.",
    request={},
    reply={"items": fields.List(fields.Nested(MessageType), required=True)},
    access=_SEE,
)
get_message_type = contract.query(
    "get_message_type",
    "One message type.",
    request={"code": Code(required=True)},
    reply=MessageType,
    access=_SEE,
    errors=("not_found",),
)
create_message_type = contract.command(
    "create_message_type",
    "Add a message type of the organisation's own.",
    request={"code": Code(required=True), **_MEMBERS},
    reply=MessageType,
    access=_CONFIGURE,
    errors=("message_type_taken", "not_found"),
    status=201,
)
change_message_type = contract.command(
    "change_message_type",
    "Change a message type as a whole. What was sent of this type before stays as it is.",
    request={"code": Code(required=True), **_MEMBERS},
    reply=MessageType,
    access=_CONFIGURE,
    errors=("not_found",),
    expects_version=True,
)
get_portal_message_types = contract.query(
    "get_portal_message_types",
    "Which message types people of a portal may send, and which ones they may be sent.",
    request={"portal": Suffix(required=True)},
    reply=PortalMessageTypes,
    access=_SEE,
    errors=("not_found",),
)
choose_portal_message_types = contract.command(
    "choose_portal_message_types",
    "Set which message types people of a portal may send, and which ones they may be sent, each list as a whole.",
    request={"portal": Suffix(required=True), "sending": _CODES, "receiving": _CODES},
    reply=PortalMessageTypes,
    access=_CONFIGURE,
    errors=("not_found",),
    expects_version=True,
)

message_type_changed = contract.event(
    "message_type_changed",
    "A message type was added or changed.",
    data={"type": Code(required=True), "is_enabled": Flag(required=True), "version": Count(required=True)},
)
portal_message_types_chosen = contract.event(
    "portal_message_types_chosen",
    "It was chosen which message types a portal sends and receives.",
    data={"portal": Code(required=True), "version": Count(required=True)},
)
