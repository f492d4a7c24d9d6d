"""Complaints: who reports a message as unwanted gets only what must be told from then on (N-6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.contracts.notifications import deliveries, suppressed_addresses
from services.notifications.deliveries.sending import send_next
from tests.integration.notifications.conftest import MARIA, FakeMailServer, Notifications
from tests.integration.notifications.subscriber import Subscriber
from tests.integration.notifications.test_deliveries_sent import request_signature
from tests.integration.notifications.test_preferences import a_message_waits
from tests.integration.notifications.test_reports import KEY, report, return_mail, returned
from tests.integration.notifications.test_webhooks import register, send_webhooks
from tests.support.in_process import a_caller

READER = a_caller("delivery.read", id=MARIA)
CANARY = "patient-quill-is-ill"


@pytest.fixture
def complaining(notifications: Notifications) -> Notifications:
    """Complaints come in at the mailbox of returned mails."""
    notifications.runtime.settings.provider_reports_key = KEY
    notifications.runtime.settings.mail_bounces_to = "bounces@portico.example"
    return notifications


def feedback(sender: str, kind: str = "abuse", *, is_in_copy: bool = False) -> bytes:
    """A report as RFC 5965 lays it out: the words, the report, and a copy of the mail that is complained of."""
    named = "" if is_in_copy else f"Original-Mail-From: <{sender}>\n"
    returns = f"Return-Path: <{sender}>\n" if is_in_copy else ""
    return (
        "From: feedback@mx.example\nTo: bounces@portico.example\nSubject: FW: A message\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=cut\n\n"
        f"--cut\nContent-Type: text/plain\n\nThis is an e-mail abuse report. {CANARY}\n\n"
        "--cut\nContent-Type: message/feedback-report\n\n"
        f"Feedback-Type: {kind}\nUser-Agent: Reporter/1.0\nVersion: 1\n{named}\n"
        f"--cut\nContent-Type: message/rfc822\n\n{returns}From: no-reply@portico.example\n"
        f"To: maria@harbor.example\nSubject: A message\n\n{CANARY}\n\n--cut--\n"
    ).encode()


def send(notifications: Notifications) -> None:
    send_next(notifications.runtime, ("email",))


def outcomes(notifications: Notifications) -> list[tuple[str, str, str | None]]:
    return [(row.kind, row.state, row.reason) for row in notifications.rows() if row.channel == "email"]


@pytest.mark.parametrize("is_in_copy", [False, True])
def test_after_a_complaint_only_what_must_be_told_is_sent_there(
    complaining: Notifications, mails: FakeMailServer, is_in_copy: bool
) -> None:
    a_message_waits(complaining)
    send(complaining)
    report_of_mx = feedback(mails.senders[0], is_in_copy=is_in_copy)
    assert return_mail(complaining, report_of_mx)
    assert not return_mail(complaining, report_of_mx)  # it came twice
    a_message_waits(complaining)
    send(complaining)
    request_signature(complaining)
    send(complaining)
    assert outcomes(complaining) == [
        ("message_waiting", "delivered", "complained"),
        ("message_waiting", "suppressed", "address_complained"),
        ("document_ready_to_sign", "sent", None),
    ]
    (listed,) = complaining.call(suppressed_addresses.list_suppressed_addresses, READER)["items"]
    assert (listed["masked_address"], listed["reason"], listed["is_removable"]) == (
        "m•••a@harbor.example",
        "complained",
        True,
    )
    own = complaining.call(suppressed_addresses.get_my_mailbox, READER)
    assert (own["reason"], own["suppressed_since"] is not None) == ("complained", True)
    first = complaining.rows()[0]
    traced = complaining.call(deliveries.get_delivery, READER, delivery_id=first.id)
    assert [step["state"] for step in traced["steps"]] == ["created", "sent", "complained"]
    assert CANARY not in str([vars(row) for row in complaining.audit()]) + str(complaining.events())


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "virus"])
def test_a_report_that_is_no_complaint_changes_nothing(
    complaining: Notifications, mails: FakeMailServer, kind: str
) -> None:
    a_message_waits(complaining)
    send(complaining)
    assert not return_mail(complaining, feedback(mails.senders[0], kind))
    assert outcomes(complaining) == [("message_waiting", "sent", None)]


def test_a_complaint_of_a_mail_that_we_have_not_sent_changes_nothing(
    complaining: Notifications, mails: FakeMailServer
) -> None:
    a_message_waits(complaining)
    send(complaining)
    forged = f"bounces+{complaining.row().id}=0123456789abcdef@portico.example"
    assert not return_mail(complaining, feedback(forged))
    assert outcomes(complaining) == [("message_waiting", "sent", None)]


def test_a_provider_reports_a_complaint_and_another_system_is_told(
    complaining: Notifications, subscriber: Subscriber, mails: FakeMailServer
) -> None:
    a_message_waits(complaining)
    send(complaining)
    row = complaining.row()
    register(complaining, subscriber, events=["complaint_received"])
    assert report(complaining, "complained", reference=row.id)
    assert not report(complaining, "complained", reference=row.id)
    send_webhooks(complaining)
    (post,) = subscriber.posts
    assert json.loads(post.body)["data"] == {
        "delivery_id": row.id,
        "account_id": MARIA,
        "kind": "message_waiting",
        "channel": "email",
        "state": "delivered",
        "reason": "complained",
    }


def test_a_mailbox_that_nobody_has_any_more_gets_nothing_after_a_complaint_either(
    complaining: Notifications, mails: FakeMailServer
) -> None:
    a_message_waits(complaining)
    send(complaining)
    return_mail(complaining, feedback(mails.senders[0]))
    request_signature(complaining)
    send(complaining)
    return_mail(complaining, returned(mails.senders[1]))
    listed: Any = complaining.call(suppressed_addresses.list_suppressed_addresses, READER)["items"]
    assert [each["reason"] for each in listed] == ["unknown_mailbox"]
    request_signature(complaining)
    send(complaining)
    assert outcomes(complaining)[-1][1:] == ("suppressed", "address_suppressed")
