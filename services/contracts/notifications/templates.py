"""Operations on message templates: an organisation's own words for each kind of message."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import Reply, permission
from services.contracts.fields import Code, Moment
from services.contracts.notifications import contract

MANAGE = permission("organisation.manage")


class MessageTemplate(Reply):
    """What a kind of message says: the organisation's own words, or the product's (`is_default`)."""

    kind = fields.String(required=True)
    version = fields.Integer(required=True)
    is_default = fields.Boolean(required=True)
    subject = fields.String(required=True)
    text = fields.String(required=True)
    html = fields.String(required=True, allow_none=True)
    placeholders = fields.List(fields.String(), required=True)
    """The values that words may mention as `{{ name }}`."""
    needed = fields.List(fields.String(), required=True)
    """The values that words must mention, as the message is of no use without them."""
    saved_at = Moment(required=True, allow_none=True)


WORDS = {
    "kind": Code(required=True),
    "subject": fields.String(required=True),
    "text": fields.String(required=True),
    "html": fields.String(load_default=None, allow_none=True),
}

REFUSALS = (
    "template_kind_unknown",
    "template_placeholder_unknown",
    "template_placeholder_missing",
    "template_invalid",
)

list_message_templates = contract.query(
    "list_message_templates",
    "What each kind of message says.",
    request={},
    reply={"items": fields.List(fields.Nested(MessageTemplate), required=True)},
    access=MANAGE,
)
get_message_template = contract.query(
    "get_message_template",
    "What one kind of message says.",
    request={"kind": Code(required=True)},
    reply=MessageTemplate,
    access=MANAGE,
    errors=("template_kind_unknown",),
)
save_message_template = contract.command(
    "save_message_template",
    "Save the organisation's own words for a kind of message. They also apply to messages that wait to be sent.",
    request=WORDS,
    reply=MessageTemplate,
    access=MANAGE,
    expects_version=True,
    errors=REFUSALS,
)
reset_message_template = contract.command(
    "reset_message_template",
    "Reset a kind of message to the product's words.",
    request={"kind": Code(required=True)},
    reply=MessageTemplate,
    access=MANAGE,
    expects_version=True,
    errors=("template_kind_unknown",),
)
preview_message_template = contract.query(
    "preview_message_template",
    "Preview words with made-up values. Nothing is saved or sent.",
    request=WORDS,
    reply={
        "subject": fields.String(required=True),
        "text": fields.String(required=True),
        "html": fields.String(required=True, allow_none=True),
    },
    access=MANAGE,
    errors=REFUSALS,
)
