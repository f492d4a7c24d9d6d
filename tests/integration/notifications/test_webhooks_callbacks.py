"""Callbacks: another system is told what became of messages, of complaints and of answers, by ids only (N-6, N-11)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from services.chassis.transactions import itself, transact_as
from services.chassis.unit_of_work import UnitOfWork
from services.contracts.notifications import deliveries
from services.contracts.notifications.webhooks import CALLBACKS
from services.contracts.signing import documents as signing
from services.notifications.deliveries.creation import create_delivery
from services.notifications.deliveries.handlers import cancel_outdated
from services.notifications.deliveries.sending import send_next
from tests.integration.notifications.conftest import MARIA, OLGA, FakeMailServer, Notifications
from tests.integration.notifications.subscriber import Subscriber
from tests.integration.notifications.test_reports import KEY, return_mail, returned
from tests.integration.notifications.test_webhooks import register, send_webhooks, staff
from tests.support.in_process import BAYSIDE, HARBOR, a_caller

REFERENCE = "order-17"
READER = a_caller("delivery.read")


@pytest.fixture
def called_back(notifications: Notifications, subscriber: Subscriber) -> Notifications:
    """A webhook wants all callbacks, and mails can come back."""
    notifications.runtime.settings.provider_reports_key = KEY
    notifications.runtime.settings.mail_bounces_to = "bounces@portico.example"
    register(notifications, subscriber, events=list(CALLBACKS))
    return notifications


def request_signature(notifications: Notifications, reference: str | None = REFERENCE) -> None:
    data = {"document_id": "ab" * 16, "recipient_account_id": MARIA, "sender_account_id": OLGA}
    notifications.deliver(signing.signature_requested, data, client=(reference, None))


def told(notifications: Notifications, subscriber: Subscriber) -> list[tuple[str, dict[str, Any]]]:
    """What the subscriber was told since the last look: the callback's name and its data."""
    send_webhooks(notifications)
    said = [json.loads(post.body) for post in subscriber.posts]
    subscriber.posts.clear()
    return [(each["type"].split(".")[2], each["data"]) for each in said]


def mail_of(notifications: Notifications) -> Any:
    (row,) = [each for each in notifications.rows() if each.channel == "email"]
    return row


def test_what_becomes_of_a_message_is_told_with_the_reference_of_the_request(
    called_back: Notifications, subscriber: Subscriber, mails: FakeMailServer
) -> None:
    request_signature(called_back)
    assert told(called_back, subscriber) == []  # it only waits
    send_next(called_back.runtime, ("email",))
    row = mail_of(called_back)
    about = {
        "delivery_id": row.id,
        "account_id": MARIA,
        "kind": "document_ready_to_sign",
        "channel": "email",
        "reference": REFERENCE,
    }
    assert told(called_back, subscriber) == [("delivery_status", {**about, "state": "sent"})]
    assert return_mail(called_back, returned(mails.senders[0]))
    failed = {**about, "state": "permanent_failure", "reason": "bounced"}
    assert told(called_back, subscriber) == [("delivery_status", failed)]
    assert not [row for row in called_back.rows() if row.kind == "delivery_status" and row.state != "sent"]


def test_a_message_that_is_tried_again_or_never_sent_is_told_once_it_has_ended(
    called_back: Notifications, subscriber: Subscriber, mails: FakeMailServer
) -> None:
    mails.answers = ["451 later"]
    request_signature(called_back)
    send_next(called_back.runtime, ("email",))
    assert told(called_back, subscriber) == []
    called_back.identity.states[MARIA] = "disabled"
    called_back.let_time_pass()
    send_next(called_back.runtime, ("email",))
    ((name, data),) = told(called_back, subscriber)
    assert (name, data["state"], data["reason"]) == ("delivery_status", "suppressed", "account_disabled")


def test_a_message_that_is_out_of_date_or_never_made_is_told(
    called_back: Notifications, subscriber: Subscriber
) -> None:
    def work(unit: UnitOfWork) -> None:
        domain, kind = "portico.example", "appointment_booked"
        create_delivery(unit, kind, MARIA, {}, domain, about=("e" * 32, 1))
        create_delivery(unit, kind, OLGA, {}, domain, suppressed_for="address_unverified")
        cancel_outdated(unit, "e" * 32, 2)

    transact_as(called_back.runtime, itself(called_back.runtime, *HARBOR), work)
    ended = {data["account_id"]: (data["state"], data["reason"]) for _, data in told(called_back, subscriber)}
    assert ended == {MARIA: ("cancelled", "outdated"), OLGA: ("suppressed", "address_unverified")}


def test_who_wants_no_callbacks_gets_none(
    notifications: Notifications, subscriber: Subscriber, mails: FakeMailServer
) -> None:
    register(notifications, subscriber)
    request_signature(notifications)
    send_next(notifications.runtime, ("email",))
    assert told(notifications, subscriber) == []


@contextmanager
def asked_of(notifications: Notifications, table: str) -> Iterator[list[str]]:
    """The queries of a table meanwhile."""
    queries: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT") and f"FROM {table}" in statement:
            queries.append(statement)

    event.listen(notifications.database.engine, "before_cursor_execute", note)
    yield queries
    event.remove(notifications.database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("notifications", ["sqlite", "postgresql"], indirect=True)
def test_an_outcome_asks_for_webhooks_only_where_the_organisation_has_one(
    notifications: Notifications, subscriber: Subscriber, mails: FakeMailServer
) -> None:
    register(notifications, subscriber, caller=staff(BAYSIDE))
    for queries_of_one in (0, 1):
        request_signature(notifications)
        with asked_of(notifications, "webhooks") as queries:
            assert send_next(notifications.runtime, ("email",))
        assert len(queries) == queries_of_one
        register(notifications, subscriber, events=list(CALLBACKS))
    assert len(mails.taken) == 2
    assert [name for name, _ in told(notifications, subscriber)] == ["delivery_status"]


def test_an_event_for_many_reads_the_choices_about_notices_once(notifications: Notifications) -> None:
    def work(unit: UnitOfWork) -> None:
        for account_id in (MARIA, OLGA):
            create_delivery(unit, "message_waiting", account_id, {"message_id": "e" * 32}, "portico.example")

    with asked_of(notifications, "notice_settings") as queries:
        transact_as(notifications.runtime, itself(notifications.runtime, *HARBOR), work)
    assert (len(queries), len(notifications.rows())) == (1, 2)


def test_messages_are_found_by_their_reference(called_back: Notifications) -> None:
    request_signature(called_back)
    request_signature(called_back, "order-18")
    request_signature(called_back, None)

    def found(reference: str) -> list[str | None]:
        page = called_back.call(deliveries.list_deliveries, READER, reference=reference)
        return [each["reference"] for each in page["items"]]

    assert (found(REFERENCE), found("order-19")) == ([REFERENCE], [])
    (row,) = [each for each in called_back.rows() if each.reference == REFERENCE]
    traced = called_back.call(deliveries.get_delivery, READER, delivery_id=row.id)
    assert (traced["reference"], traced["client_kind"]) == (REFERENCE, None)
