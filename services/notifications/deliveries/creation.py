"""Create deliveries: of messages to people, and of callbacks that tell other systems what became of those (N-6)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from services.chassis import wire
from services.chassis.database import built_once
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.notifications.webhooks import (
    COMPLAINT_RECEIVED,
    DELIVERY_STATUS,
    TEXT_RECEIVED,
    type_of_callback,
)
from services.notifications.deliveries import confirmation, rules
from services.notifications.deliveries.models import Delivery
from services.notifications.preferences.text_numbers import wants_text
from services.notifications.templates import product_words
from services.notifications.webhooks.models import Webhook

# Built once: it is asked with most outcomes.
_SUBSCRIBED = built_once(select(Webhook.id, Webhook.events).where(Webhook.is_paused.is_(False)))


def create_delivery(
    unit: UnitOfWork,
    kind: str,
    account_id: str,
    context: Mapping[str, Any],
    mail_domain: str,
    *,
    suppressed_for: str | None = None,
    channel: str = "email",
    due_at: datetime.datetime | None = None,
    about: tuple[str, int] | None = None,
    event_id: str | None = None,
    address_hash: str | None = None,
) -> str:
    """Create a delivery, due at once or at `due_at`. `about` is what it is about and that thing's version (see `cancel_outdated`).

    `event_id` is that of the event, which is the request id in an event's unit of work; a command gives a new one. `address_hash` is
    of where it goes, if that is known before it is sent. Returns the delivery's id.
    """
    about_id, about_version = about or (None, None)
    if channel == rules.EMAIL and wants_text(unit.session, account_id, kind):
        _tell_by_text(unit, kind, account_id, mail_domain, due_at, about, event_id or unit.context.request_id)
    delivery_id, due = wire.new_id(), due_at or unit.now
    client_kind = None if channel == rules.WEBHOOK else unit.context.client_kind
    is_shown = channel == rules.EMAIL and kind not in rules.NOT_SHOWN and client_kind != rules.TEST
    mode, wait = None, confirmation.AT_ONCE
    if client_kind != rules.TEST:  # of its messages the application tells nobody
        mode, wait = confirmation.of_message(unit.session, channel, kind, context)
    made = unit.add(
        Delivery(
            id=delivery_id,
            organisation_key=unit.organisation_key,
            event_id=event_id or unit.context.request_id,
            account_id=account_id,
            kind=kind,
            template_version=product_words.VERSION,
            channel=channel,
            context=dict(context),
            state="suppressed" if suppressed_for else "created",
            reason=suppressed_for,
            tries=0,
            next_try_at=None if suppressed_for else due + wait,
            about_id=about_id,
            about_version=about_version,
            message_id=f"{delivery_id}@{mail_domain}",
            correlation_id=unit.context.correlation_id,
            created_at=unit.now,
            address_hash=address_hash,
            shown_at=due if is_shown else None,
            confirm_mode=mode,
            reference=unit.context.reference,
            client_kind=client_kind,
        )
    )
    unit.audit(
        "delivery.suppressed" if suppressed_for else "delivery.created",
        "delivery",
        delivery_id,
        kind=kind,
        reason=suppressed_for,
    )
    tell_status(unit, made)
    return delivery_id


def _tell_by_text(
    unit: UnitOfWork,
    kind: str,
    account_id: str,
    mail_domain: str,
    due_at: datetime.datetime | None,
    about: tuple[str, int] | None,
    event_id: str,
) -> None:
    """A text message beside an e-mail of this kind. It says no more than that, so one is enough for each event and account."""
    of_event = select(Delivery.id).where(
        Delivery.event_id == event_id,
        Delivery.account_id == account_id,
        Delivery.kind == rules.TEXT_NOTICE,
    )
    if unit.session.scalar(of_event) is None:
        told = {"told": kind}
        create_delivery(
            unit,
            rules.TEXT_NOTICE,
            account_id,
            told,
            mail_domain,
            channel=rules.TEXT,
            due_at=due_at,
            about=about,
            event_id=event_id,
        )


def tell_status(unit: UnitOfWork, row: Delivery, *, has_webhooks: bool = True) -> None:
    """Tell the webhooks that want it what became of a message, once it is not tried any more.

    `has_webhooks` is false where the organisation is known to have none that is not paused.
    """
    if has_webhooks and row.channel != rules.WEBHOOK and row.next_try_at is None:
        _call_back(unit, DELIVERY_STATUS, _about(row), row.message_id)


def tell_complaint(unit: UnitOfWork, row: Delivery) -> None:
    """Tell the webhooks that want it that somebody has complained of a message. Of a callback nobody is told."""
    if row.channel != rules.WEBHOOK:
        _call_back(unit, COMPLAINT_RECEIVED, _about(row), row.message_id)


def tell_text(unit: UnitOfWork, account_id: str, word: str, mail_domain: str) -> None:
    """Tell the webhooks that want it that an account's telephone has answered: `stop`, `start` or `other`. The text is not kept."""
    _call_back(unit, TEXT_RECEIVED, {"account_id": account_id, "word": word}, f"{account_id}@{mail_domain}")


def _about(row: Delivery) -> dict[str, Any]:
    """What a callback says of a message: ids and codes."""
    about = {
        "delivery_id": row.id,
        "account_id": None if row.kind in rules.WITHOUT_ACCOUNT else row.account_id,
        "kind": row.kind,
        "channel": row.channel,
        "state": row.state,
        "reason": row.reason,
        "reference": row.reference,
    }
    return {name: value for name, value in about.items() if value is not None}


def _call_back(unit: UnitOfWork, name: str, data: Mapping[str, Any], message_id: str) -> None:
    mail_domain = message_id.rpartition("@")[2]
    for webhook_id, wanted in unit.session.execute(_SUBSCRIBED).all():
        if name in wanted:
            message = {"type": type_of_callback(name), "at": unit.now.isoformat(), "data": dict(data)}
            create_delivery(
                unit, name, webhook_id, message, mail_domain, channel=rules.WEBHOOK, event_id=wire.new_id()
            )
