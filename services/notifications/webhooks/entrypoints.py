"""Entrypoints of webhooks."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.notifications import webhooks
from services.notifications.deliveries import sending
from services.notifications.webhooks import handlers, queries


class WebhookEntrypoints:
    """Entrypoints of webhooks."""

    @serves(webhooks.list_webhooks)
    def list_webhooks(self, call: Call) -> Any:
        """All webhooks."""
        return call.read(queries.list_webhooks)

    @serves(webhooks.get_webhook)
    def get_webhook(self, call: Call) -> Any:
        """One webhook."""
        return call.read(queries.get_webhook)

    @serves(webhooks.register_webhook)
    def register_webhook(self, call: Call) -> Any:
        """Tell another system of events."""
        return call.commit(handlers.register_webhook, call.runtime.settings)

    @serves(webhooks.change_webhook)
    def change_webhook(self, call: Call) -> Any:
        """Change or pause a webhook."""
        return call.commit(handlers.change_webhook, call.runtime.settings)

    @serves(webhooks.rotate_webhook_secret)
    def rotate_webhook_secret(self, call: Call) -> Any:
        """Make a new secret."""
        return call.commit(handlers.rotate_webhook_secret, call.runtime.settings)

    @serves(webhooks.remove_webhook)
    def remove_webhook(self, call: Call) -> Any:
        """Remove a webhook."""
        return call.commit(handlers.remove_webhook)

    @serves(webhooks.test_webhook)
    def test_webhook(self, call: Call) -> Any:
        """Send a test message."""
        answer = call.commit(handlers.test_webhook, call.runtime.settings.mail_domain)
        call.runtime.loops.wake(sending.LOOP)
        return answer
