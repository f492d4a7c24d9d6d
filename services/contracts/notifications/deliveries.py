"""Deliveries: one message to one account, its tries and its state."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import STAFF, Reply, only_services, page_of, permission
from services.contracts.fields import Code, Count, Id, Moment, one_of
from services.contracts.notifications import contract

STATES = (
    "created",
    "sending",
    "sent",
    "delivered",
    "suppressed",
    "cancelled",
    "temporary_failure",
    "permanent_failure",
    "technical_failure",
)


# What a trace tells: states, and what the receiver has done.
STEPS = (*STATES, "seen", "confirmed", "complained")
CLIENT_KINDS = ("normal", "team", "test")


class DeliveryView(Reply):
    """One message to one person: its tries and its state, without its text or address."""

    id = Id(required=True)
    kind = fields.String(required=True)
    channel = fields.String(required=True)
    account_id = Id(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    reason = fields.String(allow_none=True)
    tries = fields.Integer(required=True)
    created_at = Moment(required=True)
    sent_at = Moment(allow_none=True)
    settled_at = Moment(
        allow_none=True,
        metadata={"description": "when the provider reported that it arrived, or that it did not"},
    )
    next_try_at = Moment(required=True, allow_none=True)
    reference = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "the `Client-Reference` of the request that has caused it"},
    )


class DeliveryStep(Reply):
    """What happened to a delivery, and when: it was created, a try ended, it was cancelled, or its receiver did something."""

    at = Moment(required=True)
    state = one_of(STEPS, required=True)
    reason = fields.String(required=True, allow_none=True)
    tries = Count(required=True, allow_none=True)


class DeliveryTraced(DeliveryView):
    """A delivery with all that happened to it, and what it was sent with.

    `template` is the kind of message or a variant of it, null before the first try. `template_language` null: the product's
    words. `event_id` is what it was made for; `message_id` the identifier that its mails carry. `client_kind` is the kind of the API
    client that has caused it, null for people. `provider` is the one of several that it was handed to. `confirm_mode`: it is sent
    only if its notice in the application was not seen (`seen`), or not confirmed (`explicit`), before it is due.
    """

    template = fields.String(required=True, allow_none=True)
    template_language = fields.String(required=True, allow_none=True)
    template_version = Count(required=True)
    event_id = fields.String(required=True)
    message_id = fields.String(required=True)
    client_kind = one_of(CLIENT_KINDS, required=True, allow_none=True)
    provider = fields.String(required=True, allow_none=True)
    confirm_mode = fields.String(required=True, allow_none=True)
    steps = fields.List(fields.Nested(DeliveryStep), required=True)


list_deliveries = contract.query(
    "list_deliveries",
    "Deliveries, newest first.",
    request={
        "account_id": Id(load_default=None, allow_none=True),
        "state": fields.String(load_default=None, allow_none=True, validate=validate.OneOf(STATES)),
        "kind": Code(load_default=None, allow_none=True),
        "reference": fields.String(load_default=None, allow_none=True, validate=validate.Length(max=100)),
        "after": fields.String(load_default=None, allow_none=True),
        "limit": fields.Integer(load_default=50, validate=validate.Range(1, 200)),
    },
    reply=page_of(DeliveryView),
    access=permission("delivery.read"),
)
get_delivery = contract.query(
    "get_delivery",
    "One delivery with its trace: what it was made for, its template, its tries and their outcomes.",
    request={"delivery_id": Id(required=True)},
    reply=DeliveryTraced,
    access=permission("delivery.read"),
    errors=("not_found",),
)

cancel_delivery = contract.command(
    "cancel_delivery",
    "Cancel a message that waits to be sent.",
    request={"delivery_id": Id(required=True)},
    reply=DeliveryView,
    access=permission("organisation.manage", realms=STAFF),
    errors=("not_found", "delivery_ended", "conflict"),
)

describe_document_deliveries = contract.query(
    "describe_document_deliveries",
    "The first message about a document to each of these accounts from a moment on, with its receipt. Of a fax the document's id "
    "takes the account's place.",
    request={
        "document_id": Id(required=True),
        "asked": fields.List(
            fields.Nested({"account_id": Id(required=True), "at": Moment(required=True)}),
            required=True,
            validate=validate.Length(min=1, max=40),
        ),
    },
    reply={
        "items": fields.List(
            fields.Nested(
                {
                    "account_id": Id(required=True),
                    "channel": fields.String(required=True),
                    "state": fields.String(required=True),
                    "reason": fields.String(required=True, allow_none=True),
                    "sent_at": Moment(required=True, allow_none=True),
                    "receipt": fields.String(
                        required=True, metadata={"description": "the Message-ID with which it was taken"}
                    ),
                }
            ),
            required=True,
        )
    },
    access=only_services("signing"),
)

delivery_sent = contract.event(
    "delivery_sent",
    "A message was handed over for delivery.",
    data={
        "delivery_id": Id(required=True),
        "account_id": Id(required=True),
        "kind": Code(required=True),
        "channel": Code(required=True),
    },
)

_FAX = {
    "delivery_id": Id(required=True),
    "document_id": Id(required=True),
    # As signing counts the faxes of a document: an outcome that comes late belongs to an earlier one.
    "repetition": Count(most=100_000),
}

fax_sent = contract.event(
    "fax_sent",
    "The fax service has taken a document.",
    data=_FAX,
)

fax_failed = contract.event(
    "fax_failed",
    "A document could not be faxed.",
    data={**_FAX, "reason": Code(required=True)},
)

delivery_failed = contract.event(
    "delivery_failed",
    "A message could not be delivered.",
    data={
        "delivery_id": Id(required=True),
        "account_id": Id(required=True),
        "kind": Code(required=True),
        "reason": Code(required=True),
    },
)
