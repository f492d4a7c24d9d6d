"""What notifications offers for an organisation's own words: a template for each kind of message."""

from __future__ import annotations

from marshmallow import fields

from services.contracts.declare import Reply, permission
from services.contracts.fields import Code, Moment
from services.contracts.notifications import contract

MANAGE = permission("organisation.manage")


class MessageTemplate(Reply):
    """What a kind of message says. Without words of the organisation's own (`is_default`) it says the product's."""

    kind = fields.String(required=True)
    version = fields.Integer(required=True)
    is_default = fields.Boolean(required=True)
    subject = fields.String(required=True)
    text = fields.String(required=True)
    html = fields.String(required=True, allow_none=True)
    placeholders = fields.List(fields.String(), required=True)
    """What may be mentioned as `{{ name }}`."""
    needed = fields.List(fields.String(), required=True)
    """What must be, because the message would be of no use without it."""
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
    "Give a kind of message words of the organisation's own. Messages that are not sent yet say them, too.",
    request=WORDS,
    reply=MessageTemplate,
    access=MANAGE,
    expects_version=True,
    errors=REFUSALS,
)
reset_message_template = contract.command(
    "reset_message_template",
    "Let a kind of message say the product's words again.",
    request={"kind": Code(required=True)},
    reply=MessageTemplate,
    access=MANAGE,
    expects_version=True,
    errors=("template_kind_unknown",),
)
preview_message_template = contract.query(
    "preview_message_template",
    "How words would read, with made-up values; nothing is saved or sent.",
    request=WORDS,
    reply={
        "subject": fields.String(required=True),
        "text": fields.String(required=True),
        "html": fields.String(required=True, allow_none=True),
    },
    access=MANAGE,
    errors=REFUSALS,
)
