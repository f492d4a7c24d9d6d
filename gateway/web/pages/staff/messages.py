"""What e-mails say, with a preview, and which of them arrived (S1-16, S0-43)."""

from __future__ import annotations

from gateway.web.page import Action, Page, Read
from gateway.web.states import State
from services.contracts.identity import realms
from services.contracts.notifications import deliveries, notices, suppressed_addresses, templates

_TEXT = "/staff/message-texts/{kind}"

PAGES = (
    Page(
        "/staff/message-texts",
        "staff/messages/list.html",
        reads={"texts": Read(templates.list_message_templates)},
    ),
    Page(
        _TEXT,
        "staff/messages/text.html",
        reads={"message": Read(templates.get_message_template, query=("language",))},
        actions=(
            Action(
                "save_message_template",
                templates.save_message_template,
                "The text is saved. It also applies to messages that wait to be sent.",
                trial="preview",
                tries=templates.preview_message_template,
            ),
            Action(
                "reset_message_template",
                templates.reset_message_template,
                "The message has the product's own words again.",
            ),
        ),
        states=(State("product's words", replies={templates.get_message_template: {"is_default": True}}),),
        sample={templates.get_message_template: {"is_default": False}},
    ),
    Page(
        f"{_TEXT}/versions",
        "staff/messages/versions.html",
        reads={
            "versions": Read(
                templates.list_message_template_versions, given={"limit": 25}, query=("language", "after")
            )
        },
    ),
    Page(
        f"{_TEXT}/versions/{{number}}",
        "staff/messages/version.html",
        reads={"version": Read(templates.compare_message_template_version, query=("language",))},
    ),
    Page(
        "/staff/notices",
        "staff/messages/notices.html",
        reads={
            "notices": Read(notices.get_notice_settings),
            "roles": Read(realms.list_roles, given={"realm": "staff"}),
        },
        actions=(
            Action("set_notice_settings", notices.set_notice_settings, "It is saved who is told of what."),
        ),
        sample={
            notices.get_notice_settings: {
                "told": {topic: list(told) for topic, told in notices.TOPICS.items()},
                "reminder_days": [7, 30],
                "groups": ["messages", "documents"],
                "confirmed_by": {"messages": "seen"},
            }
        },
    ),
    Page(
        "/staff/deliveries",
        "staff/messages/deliveries.html",
        reads={
            "deliveries": Read(
                deliveries.list_deliveries,
                given={"limit": 50},
                query=("state", "kind", "account_id", "reference", "after"),
            )
        },
    ),
    Page(
        "/staff/suppressed-addresses",
        "staff/messages/suppressed_addresses.html",
        reads={
            "addresses": Read(
                suppressed_addresses.list_suppressed_addresses, given={"limit": 50}, query=("after",)
            )
        },
        actions=(
            Action(
                "remove_suppressed_address",
                suppressed_addresses.remove_suppressed_address,
                "The address is off the list. The next message tries it again.",
            ),
        ),
        states=(
            State(
                "stopped by its owner",
                replies={
                    suppressed_addresses.list_suppressed_addresses: {
                        "items": {"reason": "stopped", "is_removable": False, "masked_address": "•••47"}
                    }
                },
            ),
        ),
        sample={suppressed_addresses.list_suppressed_addresses: {"items": {"is_removable": True}}},
    ),
    Page(
        "/staff/deliveries/{delivery_id}",
        "staff/messages/delivery.html",
        reads={"delivery": Read(deliveries.get_delivery)},
        actions=(
            Action(
                "cancel_delivery", deliveries.cancel_delivery, "The message is cancelled and is not sent."
            ),
        ),
        states=(
            State("ended", replies={deliveries.get_delivery: {"state": "sent", "next_try_at": None}}),
            State("product's words", replies={deliveries.get_delivery: {"template_language": None}}),
            State(
                "caused by another system",
                replies={
                    deliveries.get_delivery: {
                        "reference": "order-17",
                        "client_kind": "test",
                        "provider": "texts.example.org",
                        "confirm_mode": "seen",
                    }
                },
            ),
            State("waits", replies={deliveries.get_delivery: {"state": "created", "template": None}}),
        ),
        sample={deliveries.get_delivery: {"kind": "appointment_booked", "template": "appointment_booked"}},
    ),
)
