"""Entrypoints of channels."""

from __future__ import annotations

from typing import Any

from services.chassis.operations import Call, serves
from services.contracts.notifications import channels
from services.notifications.channels import handlers, queries, settings
from services.notifications.deliveries import sending
from services.notifications.deliveries.traffic import traffic_of


class ChannelEntrypoints:
    """Entrypoints of channels."""

    @serves(channels.list_channels)
    def list_channels(self, call: Call) -> Any:
        """How messages leave."""
        return call.read(queries.list_channels, call.runtime.settings, traffic_of(call.runtime))

    @serves(channels.get_channel_settings)
    def get_channel_settings(self, call: Call) -> Any:
        """How long messages are kept."""
        return call.read(settings.get_channel_settings, call.runtime.settings)

    @serves(channels.set_channel_settings)
    def set_channel_settings(self, call: Call) -> Any:
        """Choose how long messages are kept."""
        return call.commit(settings.set_channel_settings, call.runtime.settings)

    @serves(channels.send_test_mail)
    def send_test_mail(self, call: Call) -> Any:
        """Send a test mail to the caller."""
        answer = call.commit(handlers.send_test_mail, call.runtime.settings.mail_domain)
        call.runtime.loops.wake(sending.LOOP)
        return answer
