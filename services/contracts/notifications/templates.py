"""Operations on message templates: an organisation's own words for each kind of message."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, page_of, permission
from services.contracts.fields import Code, Count, Id, Moment, Text, number_of, one_of
from services.contracts.identity.paging import PAGE
from services.contracts.notifications import contract

MOST_VERSIONS = 1_000_000
MANAGE = permission("organisation.manage")


class Language(fields.String):
    """A language by its tag (BCP 47), such as es or pt-BR."""

    def __init__(self, **options: Any) -> None:
        rule = "A language is named by its tag, such as es or pt-BR."
        shape = validate.Regexp(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}\Z", error=rule)
        super().__init__(validate=shape, **options)


class MessageTemplate(Reply):
    """What a kind of message says in a language: the organisation's own words, or the product's (`is_default`).

    `languages` are those in which the organisation has words of its own. A message goes out in the language of its recipient:
    words of `pt-BR`, else of `pt`, else of `en`, else the product's.
    """

    kind = fields.String(required=True)
    language = fields.String(required=True)
    languages = fields.List(fields.String(), required=True)
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


_ONE = {"kind": Code(required=True), "language": Language(load_default="en")}
WORDS = {
    **_ONE,
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
    "What one kind of message says in a language.",
    request=_ONE,
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
    request=_ONE,
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


sample_portal_mail = contract.query(
    "sample_portal_mail",
    "The e-mail that says that a message waits, with these names of a portal. Nothing is sent.",
    request={
        "organisation_name": Text(required=True, most=200),
        "portal_name": Text(required=True, most=200),
        "product_name": Text(required=True, most=200),
        "language": Language(load_default="en"),
    },
    reply={
        "subject": fields.String(required=True),
        "text": fields.String(required=True),
        "html": fields.String(required=True, allow_none=True),
    },
    access=permission("portal.configure", realms=STAFF),
)


class TemplateVersion(Reply):
    """Words as they were saved. `is_default`: from then on the product's words held again."""

    number = Count(required=True)
    is_default = fields.Boolean(required=True)
    subject = fields.String(required=True)
    saved_at = Moment(required=True)
    saved_by = Id(required=True, allow_none=True)


class ComparedLine(Reply):
    """A line of a text, and whether the version before had it."""

    change = one_of(("same", "gone", "new"), required=True)
    line = fields.String(required=True)


class TemplateVersionCompared(TemplateVersion):
    """A version with all its words, each part compared with the version before, or with the product's words."""

    subject_lines = fields.List(fields.Nested(ComparedLine), required=True)
    text_lines = fields.List(fields.Nested(ComparedLine), required=True)
    html_lines = fields.List(fields.Nested(ComparedLine), required=True)


list_message_template_versions = contract.query(
    "list_message_template_versions",
    "The versions of the organisation's words for a kind of message in a language, newest first.",
    request={**_ONE, **PAGE},
    reply=page_of(TemplateVersion),
    access=MANAGE,
    errors=("template_kind_unknown",),
)
compare_message_template_version = contract.query(
    "compare_message_template_version",
    "One version of the organisation's words, and what it changed.",
    request={**_ONE, "number": number_of(MOST_VERSIONS, required=True)},
    reply=TemplateVersionCompared,
    access=MANAGE,
    errors=("template_kind_unknown", "not_found"),
)
