"""Webhooks: other systems are told of events, and of what becomes of messages, by an HTTP request to their address, with ids only."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, permission
from services.contracts.fields import Code, Flag, Id, Moment, Secret, Text
from services.contracts.notifications import contract
from services.contracts.notifications.deliveries import STATES

MOST = 20
"""Webhooks that an organisation can have."""
EVENTS = (
    "referral_assigned",
    "referral_promoted",
    "referral_withdrawn",
    "capacity_stale",
    "message_sent",
    "signature_requested",
    "document_signed",
    "document_declined",
)
# Callbacks: what becomes of messages, and what their receivers answer. These are no events; only webhooks are told of them.
DELIVERY_STATUS, COMPLAINT_RECEIVED, TEXT_RECEIVED = CALLBACKS = (
    "delivery_status",
    "complaint_received",
    "text_received",
)
TOLD = EVENTS + CALLBACKS
MANAGE = permission("organisation.manage", realms=STAFF)


def type_of_callback(name: str) -> str:
    """The `type` of a callback, as events have one."""
    return f"portico.notifications.{name}.v1"


_REQUEST = {
    "name": Text(required=True, most=100),
    "url": fields.String(
        required=True,
        validate=validate.Length(min=1, max=500),
        metadata={"description": "https, and reachable from the internet"},
    ),
    "events": fields.List(
        fields.String(validate=validate.OneOf(TOLD)),
        required=True,
        validate=validate.Length(1, len(TOLD)),
        metadata={
            "description": "`delivery_status`: a message is not tried any more (`delivery_id`, `account_id`, `kind`, `channel`, "
            "`state`, `reason`, `reference`). `complaint_received`: its receiver has complained of it (the same members). "
            "`text_received`: somebody has answered a text message (`account_id`, `word`: stop, start or other). "
            "The others are events of that name"
        },
    ),
}


class WebhookView(Reply):
    """An address that is told of events, and what became of the newest message to it."""

    id = Id(required=True)
    version = fields.Integer(required=True)
    name = fields.String(required=True)
    url = fields.String(required=True)
    events = fields.List(fields.String(validate=validate.OneOf(TOLD)), required=True)
    is_paused = Flag(required=True)
    created_at = Moment(required=True)
    last_state = fields.String(required=True, allow_none=True, validate=validate.OneOf(STATES))
    last_reason = Code(required=True, allow_none=True)
    last_tried_at = Moment(required=True, allow_none=True)


class WebhookWithSecret(WebhookView):
    """A webhook with its secret, which is shown only this once."""

    secret = Secret(required=True)


list_webhooks = contract.query(
    "list_webhooks",
    "The organisation's webhooks by name, each with what became of its newest message.",
    request={},
    reply={"items": fields.List(fields.Nested(WebhookView), required=True)},
    access=MANAGE,
)
get_webhook = contract.query(
    "get_webhook",
    "One webhook.",
    request={"webhook_id": Id(required=True)},
    reply=WebhookView,
    access=MANAGE,
    errors=("not_found",),
)
register_webhook = contract.command(
    "register_webhook",
    "Tell another system of events. Each message is signed (Standard Webhooks 1.0) with the secret that the answer shows, this "
    "once. It has ids, codes, numbers and times, and nobody's data.",
    request=_REQUEST,
    reply=WebhookWithSecret,
    access=MANAGE,
    errors=("proof_required", "webhook_address_refused", "webhook_limit_reached"),
    status=201,
    keeps_answer=False,
)
change_webhook = contract.command(
    "change_webhook",
    "Change name, address, events, or pause a webhook. While it is paused, no new message is made for it.",
    request={"webhook_id": Id(required=True), **_REQUEST, "is_paused": Flag(load_default=False)},
    reply=WebhookView,
    access=MANAGE,
    errors=("not_found", "proof_required", "webhook_address_refused"),
    expects_version=True,
)
rotate_webhook_secret = contract.command(
    "rotate_webhook_secret",
    "Make a new secret, shown only this once. From now on messages are signed with it, also those that wait.",
    request={"webhook_id": Id(required=True)},
    reply=WebhookWithSecret,
    access=MANAGE,
    errors=("not_found", "proof_required"),
    status=201,
    keeps_answer=False,
)
remove_webhook = contract.command(
    "remove_webhook",
    "Remove a webhook. Messages that wait for it are cancelled.",
    request={"webhook_id": Id(required=True)},
    reply=WebhookView,
    access=MANAGE,
    errors=("not_found",),
    honours_version=True,
)
test_webhook = contract.command(
    "test_webhook",
    "Send a test message to a webhook: its type is `portico.test`, and its data is empty.",
    request={"webhook_id": Id(required=True)},
    reply={"delivery_id": Id(required=True)},
    access=MANAGE,
    errors=("not_found", "webhook_paused"),
    status=202,
)
