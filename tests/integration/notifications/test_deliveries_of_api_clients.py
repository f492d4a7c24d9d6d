"""Whom the messages of API clients reach: everybody, only staff, or nobody, with addresses that are simulated, and limits (N-10)."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import time_machine

from services.contracts.identity import credentials, pickup_codes
from services.contracts.notifications import channels, deliveries, my_notices
from services.contracts.notifications.webhooks import CALLBACKS
from services.contracts.portals import messages
from services.contracts.signing import documents as signing
from services.notifications.deliveries.sending import send_next
from services.notifications.deliveries.simulation import simulated_result
from tests.integration.notifications import conftest
from tests.integration.notifications.conftest import MARIA, OLGA, FakeMailServer, Notifications
from tests.integration.notifications.subscriber import Subscriber
from tests.integration.notifications.test_deliveries_sent import ask_for_fax
from tests.integration.notifications.test_preferences import MINE, choose
from tests.integration.notifications.test_text_numbers import enter
from tests.integration.notifications.test_webhooks import document_signed, register
from tests.support.in_process import a_caller

MANAGER = a_caller("organisation.manage", "delivery.read")
BOTH = pytest.mark.parametrize("notifications", ["sqlite", "postgresql"], indirect=True)


def request_signature(notifications: Notifications, kind: str | None, account_id: str = MARIA) -> None:
    data = {"document_id": "ab" * 16, "recipient_account_id": account_id, "sender_account_id": OLGA}
    notifications.deliver(signing.signature_requested, data, client=("order-17", kind))


def write_to_maria(notifications: Notifications, kind: str | None) -> None:
    """A message waits for Maria. It can be done without."""
    data = {"message_id": "ab" * 16, "person_id": "d" * 32, "type": "note", "is_notified": True}
    notifications.deliver(messages.message_sent, data | {"account_ids": [MARIA]}, client=(None, kind))


def send_all(notifications: Notifications) -> None:
    while send_next(notifications.runtime):
        continue


def outcomes(notifications: Notifications) -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in notifications.rows()]


def of_realm(notifications: Notifications, realm: str) -> None:
    """Accounts are of this realm from now on."""
    known = notifications.identity.describe_account
    notifications.answers["identity.describe_account"] = lambda request: known(request) | {"realm": realm}


def test_what_a_test_client_causes_is_sent_to_nobody_and_arrives_all_the_same(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    request_signature(notifications, "test")
    send_all(notifications)
    row = notifications.row()
    assert (mails.taken, row.state, row.reason) == ([], "delivered", "simulated")
    traced = notifications.call(deliveries.get_delivery, MANAGER, delivery_id=row.id)
    assert (traced["client_kind"], traced["template"]) == ("test", "document_ready_to_sign")
    assert [step["state"] for step in traced["steps"]] == ["created", "sent", "delivered"]


@pytest.mark.parametrize(
    ("kind", "realm", "end"),
    [
        ("team", "staff", ("sent", None)),
        ("team", "patient", ("suppressed", "team_only")),
        ("normal", "patient", ("sent", None)),
        (None, "patient", ("sent", None)),
    ],
)
def test_what_a_team_client_causes_reaches_only_the_staff(
    notifications: Notifications, mails: FakeMailServer, kind: str, realm: str, end: tuple[str, str | None]
) -> None:
    of_realm(notifications, realm)
    request_signature(notifications, kind)
    send_all(notifications)
    assert (outcomes(notifications), len(mails.taken)) == ([end], int(end[0] == "sent"))


@pytest.mark.parametrize(
    ("kind", "realm", "seen"), [("test", "staff", 0), ("team", "patient", 0), ("team", "staff", 1)]
)
def test_who_is_not_to_be_reached_has_no_notice_in_the_application_and_no_summary(
    notifications: Notifications, mails: FakeMailServer, kind: str, realm: str, seen: int
) -> None:
    of_realm(notifications, realm)
    choose(notifications, digested=["messages"] if kind == "test" else [])
    write_to_maria(notifications, kind)
    send_all(notifications)
    assert notifications.call(my_notices.count_my_notices, MINE)["unread"] == seen
    assert len(notifications.rows()) == 1


def test_no_link_is_made_and_nobody_without_an_account_is_told_for_a_team_client(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    of_realm(notifications, "patient")
    invited = {"account_id": MARIA, "invitation_id": "f" * 32, "purpose": "invitation"}
    notifications.deliver(credentials.account_invited, invited, client=(None, "team"))
    asked = {"code_id": "c" * 32, "person_id": "d" * 32}
    notifications.deliver(pickup_codes.pickup_code_requested, asked, client=(None, "team"))
    send_all(notifications)
    assert outcomes(notifications) == [("suppressed", "team_only")] * 2
    assert (mails.taken, notifications.identity.minted) == ([], 0)


@pytest.mark.parametrize(
    ("name", "state", "reason"),
    [
        ("delivered", "delivered", "simulated"),
        ("Delivered+17", "delivered", "simulated"),
        ("temporary-failure", "temporary_failure", "simulated"),
        ("permanent-failure", "permanent_failure", "simulated"),
        ("complaint", "delivered", "simulated"),
        ("maria", "sent", None),
    ],
)
def test_mail_to_simulated_addresses_ends_as_they_say(
    notifications: Notifications,
    mails: FakeMailServer,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    state: str,
    reason: str | None,
) -> None:
    monkeypatch.setitem(conftest.ADDRESSES, MARIA, f"{name}@simulate.example")
    request_signature(notifications, None)
    send_all(notifications)
    assert outcomes(notifications) == [(state, reason)]
    assert len(mails.taken) == int(reason is None)
    complaints = notifications.audit("delivery.complained")
    assert len(complaints) == int(name == "complaint")
    request_signature(notifications, None)  # nothing is suppressed: it can be used again
    send_all(notifications)
    assert {row.reason for row in notifications.rows()} == {reason}


def test_faxes_texts_and_webhooks_have_simulated_addresses_too(
    notifications: Notifications, subscriber: Subscriber
) -> None:
    settings = notifications.runtime.settings
    settings.text_provider_url = settings.fax_provider_url = f"{subscriber.url}/all"
    ask_for_fax(notifications, fax_number="+1 415-555-0184")
    enter(notifications, "+1 202-555-0182")
    register(notifications, subscriber, url="https://simulate.example/temporary-failure")
    document_signed(notifications)
    send_all(notifications)
    ends = {row.channel: (row.state, row.reason) for row in notifications.rows() if row.channel != "email"}
    assert ends == {
        "fax": ("permanent_failure", "simulated"),
        "text": ("delivered", "simulated"),
        "webhook": ("temporary_failure", "simulated"),
    }
    assert subscriber.posts == []


def test_callbacks_tell_of_simulated_results(notifications: Notifications, subscriber: Subscriber) -> None:
    register(notifications, subscriber, events=list(CALLBACKS))
    request_signature(notifications, "test")
    send_all(notifications)
    assert [b'"state":"sent"' in post.body for post in subscriber.posts] == [True, False]
    assert b'"reason":"simulated","reference":"order-17"' in subscriber.posts[1].body


def test_simulated_complaints_of_webhooks_cause_no_callbacks(
    notifications: Notifications, subscriber: Subscriber
) -> None:
    for _ in range(2):
        events = ["document_signed", *CALLBACKS]
        register(notifications, subscriber, url="https://simulate.example/complaint", events=events)
    document_signed(notifications)
    tried = [send_next(notifications.runtime, ("webhook",)) for _ in range(5)]
    assert tried == [True, True, False, False, False]
    assert [row.kind for row in notifications.rows() if row.channel == "webhook"] == ["document_signed"] * 2


def test_signing_is_told_of_a_fax_that_its_client_may_not_send(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.runtime.settings.fax_mail_domain = "fax.example.org"
    ask_for_fax(notifications, client=("order-17", "team"))
    send_all(notifications)
    (told,) = notifications.events(deliveries.fax_failed)
    assert (told["data"]["reason"], mails.taken) == ("team_only", [])


@BOTH
def test_over_the_limit_of_a_day_what_api_clients_cause_waits_for_the_next(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.runtime.settings.client_messages_a_day = 2
    noon = datetime.datetime(2026, 11, 2, 12, tzinfo=datetime.UTC)
    with time_machine.travel(noon, tick=True) as clock:
        for kind in ("normal", "team", "test", "normal", None):
            write_to_maria(notifications, kind)
            send_all(notifications)
        request_signature(notifications, "normal")
        send_all(notifications)
        assert outcomes(notifications) == [
            ("sent", None),
            ("sent", None),
            ("delivered", "simulated"),  # it costs nothing
            ("created", "daily_limit"),
            ("sent", None),  # nobody waits for an API client
            ("sent", None),  # a document to sign must be told
        ]
        waiting = notifications.rows()[3]
        midnight = datetime.datetime(2026, 11, 3, tzinfo=datetime.UTC)
        assert (waiting.next_try_at, waiting.tries) == (midnight, 0)
        shown: Any = notifications.call(channels.get_channel_settings, MANAGER)
        assert (shown["client_messages_today"], shown["client_messages_a_day"]) == (3, 2)
        clock.shift(datetime.timedelta(hours=12))
        send_all(notifications)
    assert outcomes(notifications)[3] == ("sent", None)


@pytest.mark.parametrize(
    ("address", "result"),
    [
        ("complaint@SIMULATE.example", "complained"),
        ("+12125550185", "complained"),
        ("+12125550181", None),
        ("+442125550182", None),
        ("delivered@simulate.example.org", None),
        ("somebody@simulate.example", None),
    ],
)
def test_which_addresses_are_simulated(address: str, result: str | None) -> None:
    assert simulated_result(address) == result
