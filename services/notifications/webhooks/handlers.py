"""Commands about webhooks, and the messages that events make for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from services.chassis import wire
from services.chassis.database import insert_unless_there
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.declare import Event
from services.contracts.errors import Refused
from services.contracts.notifications.webhooks import MOST
from services.notifications.channels.webhook import shown_secret
from services.notifications.deliveries.creation import create_delivery
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.rules import FINAL_STATES, WEBHOOK
from services.notifications.secrets.derived import secret_of_webhook
from services.notifications.webhooks import queries, rules
from services.notifications.webhooks.models import Webhook


def register_webhook(
    unit: UnitOfWork, settings: Any, *, name: str, url: str, events: list[str]
) -> dict[str, Any]:
    """Register an address, and show its secret once.

    Raises Refused(proof_required, webhook_address_refused, webhook_limit_reached).
    """
    _require_proof(unit)
    rules.require_address(url, settings.webhook_networks)
    row = {
        "id": wire.new_id(),
        "organisation_id": unit.organisation_id,
        "version": 1,
        "name": name,
        "url": url,
        "events": sorted(set(events)),
        "is_paused": False,
        "secret_number": 1,
        "created_at": unit.now,
    }
    taken = set(unit.session.scalars(select(Webhook.place)))
    while not insert_unless_there(
        unit.session, Webhook.__table__, row | {"place": rules.free_place(taken, MOST)}
    ):
        # Another registration took the place at this moment.
        taken = set(unit.session.scalars(select(Webhook.place)))
    webhook = queries.found(unit.session, str(row["id"]))
    unit.audit("webhook.registered", "webhook", webhook.id, events=webhook.events)
    return _with_secret(webhook, settings)


def change_webhook(
    unit: UnitOfWork,
    settings: Any,
    *,
    webhook_id: str,
    name: str,
    url: str,
    events: list[str],
    is_paused: bool,
) -> Webhook:
    """Replace name, address, events and pause. Another address requires a fresh proof, as a new webhook does.

    Raises Refused(not_found, version_conflict, proof_required, webhook_address_refused).
    """
    webhook = queries.found(unit.session, webhook_id, for_change=True)
    unit.require_version(webhook)
    if url != webhook.url:
        _require_proof(unit)
        rules.require_address(url, settings.webhook_networks)
    webhook.name, webhook.url, webhook.events = name, url, sorted(set(events))
    webhook.is_paused = is_paused
    webhook.version += 1
    unit.audit("webhook.changed", "webhook", webhook.id, events=webhook.events, is_paused=is_paused)
    return webhook


def rotate_webhook_secret(unit: UnitOfWork, settings: Any, *, webhook_id: str) -> dict[str, Any]:
    """Make a new secret, and show it once. Raises Refused(not_found, proof_required)."""
    _require_proof(unit)
    webhook = queries.found(unit.session, webhook_id, for_change=True)
    webhook.secret_number += 1
    webhook.version += 1
    unit.audit("webhook.secret_rotated", "webhook", webhook.id)
    return _with_secret(webhook, settings)


def remove_webhook(unit: UnitOfWork, *, webhook_id: str) -> dict[str, Any]:
    """Remove a webhook, and cancel what waits for it. Raises Refused(not_found, version_conflict)."""
    webhook = queries.found(unit.session, webhook_id, for_change=True)
    unit.honour_version(webhook)
    shown = _shown(webhook)
    waiting = (
        Delivery.channel == WEBHOOK, Delivery.account_id == webhook.id, Delivery.state.not_in(FINAL_STATES)
    )  # fmt: skip
    unit.session.execute(
        update(Delivery).where(*waiting).values(state="cancelled", reason="webhook_removed", next_try_at=None)
    )
    unit.session.delete(webhook)
    unit.audit("webhook.removed", "webhook", webhook_id)
    return shown


def test_webhook(unit: UnitOfWork, mail_domain: str, *, webhook_id: str) -> dict[str, str]:
    """Make a test message. Raises Refused(not_found, webhook_paused)."""
    webhook = queries.found(unit.session, webhook_id)
    if webhook.is_paused:
        raise Refused("webhook_paused", "The webhook is paused. Let it go on first, then test it.")
    message = {"type": rules.TEST_TYPE, "at": unit.now.isoformat(), "data": {}}
    delivery_id = create_delivery(
        unit,
        rules.TEST_EVENT,
        webhook.id,
        message,
        mail_domain,
        channel=WEBHOOK,
        event_id=wire.new_id(),
    )
    return {"delivery_id": delivery_id}


def tell_subscribers(unit: UnitOfWork, event: Event, data: Mapping[str, Any], mail_domain: str) -> None:
    """One message for each webhook that wants the event."""
    message = {"type": event.type, "at": unit.now.isoformat(), "data": event.schema.dump(data)}
    for webhook in unit.session.scalars(select(Webhook).where(Webhook.is_paused.is_(False))):
        if event.name in webhook.events:
            create_delivery(unit, event.name, webhook.id, message, mail_domain, channel=WEBHOOK)


def _require_proof(unit: UnitOfWork) -> None:
    # A program has no password to prove itself with; its secret was given by somebody who had.
    if unit.caller is not None and unit.caller.kind == "account" and unit.caller.realm == "staff":
        unit.caller.require_proof()


def _shown(webhook: Webhook) -> dict[str, Any]:
    return {column.key: getattr(webhook, column.key) for column in Webhook.__table__.columns}


def _with_secret(webhook: Webhook, settings: Any) -> dict[str, Any]:
    secret = secret_of_webhook(settings, webhook.id, webhook.secret_number)
    return {**_shown(webhook), "secret": shown_secret(secret)}
