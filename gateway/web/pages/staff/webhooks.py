"""Webhooks: other systems that are told of events, with what became of the newest message to each."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from gateway.web.states import State
from services.contracts.notifications import webhooks

_WEBHOOK = "/staff/webhooks/{webhook_id}"
_FAILED = {"last_state": "temporary_failure", "last_reason": "subscriber_refused"}

PAGES = (
    Page(
        "/staff/webhooks",
        "staff/webhooks/list.html",
        reads={"webhooks": Read(webhooks.list_webhooks)},
    ),
    Page(
        "/staff/webhooks/new",
        "staff/webhooks/new.html",
        actions=(
            Action(
                "register_webhook",
                webhooks.register_webhook,
                "The other system will be told.",
                then="/staff/webhooks/{id}",
                keeps_reply=True,
            ),
        ),
    ),
    Page(
        _WEBHOOK,
        "staff/webhooks/webhook.html",
        reads={"webhook": Read(webhooks.get_webhook)},
        actions=(
            Action(
                "test_webhook",
                webhooks.test_webhook,
                "A test message is on its way. Load this page again to see what became of it.",
            ),
            Action(
                "rotate_webhook_secret",
                webhooks.rotate_webhook_secret,
                "There is a new secret.",
                keeps_reply=True,
            ),
            Action(
                "remove_webhook",
                webhooks.remove_webhook,
                "The webhook is removed.",
                then="/staff/webhooks",
            ),
        ),
        states=(
            State("not reached", replies={webhooks.get_webhook: _FAILED}),
            State("paused", replies={webhooks.get_webhook: {"is_paused": True}}),
        ),
        sample={webhooks.get_webhook: {"events": ["referral_assigned"], "is_paused": False}},
    ),
    Page(
        f"{_WEBHOOK}/edit",
        "staff/webhooks/edit.html",
        reads={"webhook": Read(webhooks.get_webhook)},
        actions=(Action("change_webhook", webhooks.change_webhook, "The webhook is saved.", then=_WEBHOOK),),
        sample={webhooks.get_webhook: {"events": ["referral_assigned"]}},
    ),
)
