"""Each message names the organisation and the portal, and leads to the page that it is about."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

import gateway
from services.chassis import wire
from services.contracts.identity import organisations
from services.contracts.portals import own_changes
from services.contracts.referrals import assignments, capacity
from services.contracts.signing import documents
from services.notifications.deliveries import acting, rules, sending
from services.notifications.deliveries.asking import NO_RECIPIENT
from services.notifications.deliveries.outcomes import IN_DIGEST
from services.notifications.templates import product_words, rendering
from tests.integration.notifications.conftest import MARIA, OLGA, FakeMailServer, Notifications, body

ROOT = Path(gateway.__file__).parents[1]
REFERRAL, PROGRAM, LINE, DOCUMENT = (each * 32 for each in "4567")
STAFF = "https://portico.example/at/harbor/staff"
ABOUT = {
    "referral_id": REFERRAL,
    "contact_record_id": wire.new_id(),
    "contact_record_number": "CR-00000042",
    "queue_id": wire.new_id(),
    "program_id": PROGRAM,
    "agency_id": wire.new_id(),
}
EVENTS: tuple[tuple[Any, dict[str, Any], str], ...] = (
    (
        assignments.referral_assigned,
        {**ABOUT, "status": "referred"},
        f"{STAFF}?return_path=/provider/referrals/{REFERRAL}",
    ),
    (
        assignments.referral_withdrawn,
        {**ABOUT, "reason_code": "accepted_elsewhere"},
        STAFF,  # it is no longer the provider's to see
    ),
    (
        capacity.capacity_stale,
        {
            "program_id": PROGRAM,
            "agency_id": ABOUT["agency_id"],
            "line_id": LINE,
            "valid_until": "2026-03-09T12:00:00+00:00",
        },
        f"{STAFF}?return_path=/provider/capacity/{PROGRAM}/{LINE}",
    ),
    (
        documents.signature_requested,
        {"recipient_account_id": MARIA, "sender_account_id": MARIA, "document_id": DOCUMENT},
        f"{STAFF}?return_path=/signing/{DOCUMENT}",
    ),
    (
        documents.document_signed,
        {"recipient_account_id": OLGA, "sender_account_id": MARIA, "document_id": DOCUMENT},
        f"{STAFF}?return_path=/staff/documents/{DOCUMENT}",  # where it is marked as returned
    ),
    (
        own_changes.own_change_answered,
        {
            "item_id": wire.new_id(),
            "thread_id": DOCUMENT,
            "portal": "employee",
            "person_id": wire.new_id(),
            "account_id": MARIA,
            "outcome": "accepted",
        },
        f"{STAFF}?return_path=/portal/employee/messages/{DOCUMENT}",
    ),
    (
        organisations.portal_reminder_requested,
        {"account_id": MARIA, "short_name": "harbor-county"},
        "https://portico.example/at/harbor-county",
    ),
)


@pytest.mark.parametrize(("event", "data", "page"), EVENTS, ids=[event.type for event, _, _ in EVENTS])
def test_a_message_leads_to_the_page_that_it_is_about(
    notifications: Notifications, mails: FakeMailServer, event: Any, data: dict[str, Any], page: str
) -> None:
    notifications.identity.recipients = [{"account_id": MARIA, "email_is_verified": True}]
    notifications.identity.telephone = "+1 415-555-0100"
    notifications.deliver(event, data)
    assert sending.send_next(notifications.runtime)
    (message,) = mails.taken
    for part in ("plain", "html"):
        assert set(re.findall(r"https?://[^\s\"<]+", body(message, part))) == {page}
        assert "Telephone: +1 415-555-0100" in body(message, part)
    assert "Harbor · Portico" in body(message)


SENTENCES = {subject.sentence for subject in acting.SUBJECTS.values()}


@pytest.mark.parametrize(
    "kind",
    [kind for kind in product_words.KINDS.values() if kind.name not in SENTENCES],
    ids=lambda kind: kind.name,
)
def test_every_message_names_the_organisation_and_the_portal(kind: rendering.Kind) -> None:
    for part in filter(None, (kind.default.text, kind.default.html)):
        assert "{{ organisation_name }} · {{ portal_name }}" in part
    pages = rules.PAGES.keys() | rules.PAGES_FOR_ALL.keys()
    assert kind.name not in pages or "{{ portal_link }}" in kind.default.text


def test_every_page_of_a_message_is_one_of_a_kind() -> None:
    assert rules.PAGES.keys() | rules.PAGES_FOR_ALL.keys() <= product_words.KINDS.keys()


# Which argument of a call is the reason of an outcome.
_REASONS = {"Permanent": 0, "Temporary": 0, "NoRecipient": 0, "Outcome": 1, "_again": 1}


def test_staff_read_every_reason_in_words() -> None:
    """Of what other services refuse, the code itself is shown where it has no words."""
    words = (ROOT / "gateway/web/templates/staff/administration/words.html").read_text()
    said = set(re.findall(r'"(\w+)": _\(', words[words.index("delivery_reasons = {") :]))
    given = {*NO_RECIPIENT.values(), IN_DIGEST, "address_unverified", "bounced", "outdated"}
    for path in (ROOT / "services/notifications").rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            place = _REASONS.get(getattr(call.func, "id", ""), len(call.args))
            within = (part for each in call.args[place : place + 1] for part in ast.walk(each))
            given |= {part.value for part in within if isinstance(part, ast.Constant)}
    # `_refused` compares what was found with "message".
    assert given - {"message"} - said == set()
