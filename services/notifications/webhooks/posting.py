"""Post a message to a webhook, and note what became of it."""

from __future__ import annotations

import time

from sqlalchemy import select

from services.chassis.runtime import Runtime
from services.chassis.unit_of_work import UnitOfWork
from services.notifications.channels import webhook as channel
from services.notifications.channels.failures import Permanent
from services.notifications.deliveries import clients
from services.notifications.deliveries.models import Delivery
from services.notifications.secrets.derived import secret_of_webhook
from services.notifications.webhooks import rules
from services.notifications.webhooks.models import Webhook


def post(runtime: Runtime, delivery: Delivery) -> None:
    """Post the message of a delivery. Raises Temporary or Permanent."""
    settings, message = runtime.settings, delivery.context
    with runtime.database.reading(delivery.organisation_id) as session:
        webhook = session.scalars(select(Webhook).where(Webhook.id == delivery.account_id)).one_or_none()
        if webhook is None:
            raise Permanent("webhook_removed")
        url, secret = webhook.url, secret_of_webhook(settings, webhook.id, webhook.secret_number)
    clients.divert_webhook(delivery, url)
    body = rules.body(message["type"], message["at"], message["data"])
    channel.post(url, delivery.id, body, secret, int(time.time()), settings.webhook_networks)


def note(unit: UnitOfWork, delivery: Delivery) -> None:
    """Note the outcome of a try with the webhook."""
    webhook = unit.session.get(Webhook, delivery.account_id, with_for_update=True)
    if webhook is not None:
        webhook.last_state, webhook.last_reason = delivery.state, delivery.reason
        webhook.last_tried_at = unit.now
