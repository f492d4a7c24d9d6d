"""Both organisations' objects in notifications, for the tests about foreign ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services.chassis import wire
from services.chassis.unit_of_work import utc_now
from services.contracts.identity import credentials
from services.contracts.notifications import deliveries as notifications
from services.contracts.notifications import my_notices, suppressed_addresses, templates, webhooks
from services.contracts.portals import messages
from services.notifications.deliveries.models import SuppressedAddress
from services.notifications.deliveries.report_signatures import signature
from tests.integration.notifications.conftest import Notifications
from tests.support.known_to_identity import ACCOUNTS, IDS, knows_person, knows_role
from tests.support.two_organisations import KEYS, World, everybody, finished, own_person


def _a_report(service: Notifications, reference: str) -> dict[str, Any]:
    """The other members of a provider's report about a delivery."""
    key = service.runtime.settings.provider_reports_key = "k" * 32
    at, status = int(utc_now().timestamp()), "delivered"
    return {
        "status": status,
        "timestamp": at,
        "signature": signature(key, "report", at, f"{reference}.{status}"),
    }


def _suppressed(service: Notifications, key: str) -> list[str]:
    """The ids of two mailboxes that return mail."""
    rows = [
        SuppressedAddress(
            id=wire.new_id(),
            organisation_id=IDS[key][0],
            address_hash=digit * 64,
            masked_address="m•••a@harbor.example",
            account_id=ACCOUNTS[key],
            delivery_id=digit * 32,
            reason="unknown_mailbox",
            since=utc_now(),
        )
        for digit in "89"
    ]
    ids = [row.id for row in rows]
    service.database.write(IDS[key][0], lambda session: session.add_all(rows))
    return ids


def notifications_world(folder: Path) -> World:
    """Notifications: deliveries in both organisations."""
    file = folder / "notifications.db"
    service = Notifications(f"sqlite:///{file}", folder, smtp_port=9)
    callers = {key: everybody(IDS[key], ACCOUNTS[key]) for key in KEYS}
    world = World(service, file, dict(IDS), callers)
    for number, key in enumerate(KEYS):
        for time in range(2):
            invitation = {
                "invitation_id": f"{number}{time}" * 16,
                "account_id": ACCOUNTS[key],
                "purpose": "invitation",
            }
            service.deliver(credentials.account_invited, invitation, organisation=IDS[key])
            waiting = {"message_id": f"{number}{time + 2}" * 16, "account_ids": [ACCOUNTS[key]]}
            told = {"person_id": own_person(key), "type": "note", "is_notified": True}
            service.deliver(messages.message_sent, waiting | told, organisation=IDS[key])
        world.keep(key, "account", ACCOUNTS[key])
        listed = service.call(notifications.list_deliveries, callers[key], limit=1)
        world.keep(key, "delivery", *[item["id"] for item in listed["items"]])
        world.keep(key, "delivery_cursor", listed["next"])
        listed = service.call(my_notices.list_my_notices, callers[key], limit=1)
        world.keep(key, "my_notice", *[item["id"] for item in listed["items"]])
        world.keep(key, "my_notice_cursor", listed["next"])
        for name in ("Bed board", "Data lake"):  # one to remove, and one for the others
            webhook = {"name": name, "url": "https://example.org/hook", "events": ["document_signed"]}
            made = service.call(webhooks.register_webhook, callers[key], **webhook)
            world.keep(key, "webhook", made["id"])
        world.keep(key, "suppressed_address", *_suppressed(service, key))
        listed = service.call(suppressed_addresses.list_suppressed_addresses, callers[key], limit=1)
        world.keep(key, "suppressed_address_cursor", listed["next"])
        world.keep(key, "role", f"{number}2" * 16)
        for version, words in enumerate((f"One of {key}", f"Two of {key}"), start=1):
            wording = {"kind": "message_waiting", "subject": words, "text": words}
            service.call(templates.save_message_template, callers[key], version=version, **wording)
        listed = service.call(
            templates.list_message_template_versions, callers[key], kind="message_waiting", limit=1
        )
        world.keep(key, "template_version_cursor", listed["next"])
    world.requests["notifications.change_webhook"] = lambda *_: webhook
    world.requests["notifications.describe_document_deliveries"] = lambda own, _: {
        "asked": [{"account_id": own["account"][0], "at": utc_now().isoformat()}]
    }
    world.requests["notifications.report_delivery"] = lambda own, _: _a_report(service, own["delivery"][0])
    knows_person(service, "bayside")
    for name in ("get", "save", "reset", "preview"):
        world.requests[f"notifications.{name}_message_template"] = lambda *_: {"kind": "message_waiting"}
    world.requests["notifications.list_message_template_versions"] = lambda *_: {"kind": "message_waiting"}
    knows_role(service, world.objects["bayside"]["role"])
    return finished(world)
