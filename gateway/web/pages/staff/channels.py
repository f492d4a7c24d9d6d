"""How messages leave, whether they arrive, and a test."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from services.contracts.notifications import channels

PAGES = (
    Page(
        "/staff/channels",
        "staff/channels/list.html",
        reads={
            "channels": Read(channels.list_channels),
            "chosen": Read(channels.get_channel_settings),
        },
        actions=(
            Action(
                "send_test_mail",
                channels.send_test_mail,
                "A test mail to you is on its way. It arrives within a minute if all is well.",
            ),
            Action(
                "set_channel_settings",
                channels.set_channel_settings,
                "It is saved how long messages are kept.",
            ),
        ),
        sample={
            channels.list_channels: {"items": {"channel": "email", "is_set_up": True, "is_encrypted": True}},
            channels.get_channel_settings: {
                "kept_days": {"email": 365, "fax": 365, "text": 90, "webhook": 30},
                "least_days": 30,
                "most_days": 365,
            },
        },
    ),
)
