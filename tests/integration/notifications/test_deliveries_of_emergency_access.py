"""E-mails about emergency access go to those who may read the audit trail, and say neither whom it concerns nor why."""

from __future__ import annotations

from services.chassis import wire
from services.contracts.identity import audit
from services.notifications.deliveries import sending
from tests.integration.notifications.conftest import (
    ADDRESSES,
    BEN,
    MARIA,
    OLGA,
    FakeMailServer,
    Notifications,
    body,
)


def test_who_may_read_the_trail_gets_an_e_mail_and_an_unverified_address_none(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    readers = [
        {"account_id": MARIA, "email_is_verified": True},
        {"account_id": OLGA, "email_is_verified": True},
        {"account_id": BEN, "email_is_verified": False},
    ]
    notifications.answers[audit.list_audit_readers.address] = lambda _: {"recipients": readers}
    data = {
        "access_id": wire.new_id(),
        "account_id": "9" * 32,
        "object_type": "contact_record",
        "object_id": "8" * 32,
        "ends_at": "2026-01-02T03:04:05+00:00",
    }
    notifications.deliver(audit.break_glass_used, data)
    while sending.send_next(notifications.runtime):
        continue

    assert sorted(mails.recipients) == [ADDRESSES[MARIA], ADDRESSES[OLGA]]
    for message in mails.taken:
        text = f"{message['Subject']} {body(message)}"
        assert "Emergency access was used at Harbor" in text
        assert not [value for value in data.values() if value in text]
    assert {row.account_id: row.state for row in notifications.rows()} == {
        MARIA: "sent",
        OLGA: "sent",
        BEN: "suppressed",
    }
