"""A provider that is down: its messages wait without using up their tries, and the other channels go on. Messages are cancelled."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.ports import free_block
from services.contracts.errors import Refused
from services.contracts.notifications import deliveries as contract
from services.contracts.notifications import webhooks
from services.notifications.deliveries import rules, sending
from services.notifications.deliveries.breakers import FAILURES
from services.notifications.deliveries.sending import send_next
from services.notifications.deliveries.traffic import traffic_of
from tests.integration.notifications.conftest import FakeMailServer, Notifications
from tests.integration.notifications.subscriber import Subscriber
from tests.integration.notifications.test_deliveries_sent import ask_for_fax, request_signature
from tests.integration.notifications.test_webhooks import document_signed, register, staff
from tests.support.in_process import BAYSIDE, a_caller

MANAGER = a_caller("organisation.manage")


def test_while_the_mail_server_is_down_mails_wait_and_webhooks_go_on(
    notifications: Notifications, subscriber: Subscriber, mails: FakeMailServer
) -> None:
    up, notifications.runtime.settings.smtp_port = notifications.runtime.settings.smtp_port, free_block(1)
    register(notifications, subscriber)
    for _ in range(FAILURES + 3):
        document_signed(notifications)
    while send_next(notifications.runtime):
        continue
    mailed = [each for each in notifications.rows() if each.channel == "email"]
    assert sorted(each.state for each in mailed) == ["created"] * 3 + ["temporary_failure"] * FAILURES
    assert {each.tries for each in mailed if each.state == "created"} == {0}
    assert len(subscriber.posts) == FAILURES + 3

    notifications.runtime.settings.smtp_port = up
    notifications.let_time_pass()
    assert not send_next(notifications.runtime)  # the server rests
    traffic_of(notifications.runtime)._breakers["email"].rests_until = 0
    while send_next(notifications.runtime):
        continue
    assert len(mails.taken) == FAILURES + 3


def test_a_mailbox_that_refuses_is_no_outage(notifications: Notifications, mails: FakeMailServer) -> None:
    mails.answers = ["550 no"] * (FAILURES + 1)
    for _ in range(FAILURES + 2):
        request_signature(notifications)
    while send_next(notifications.runtime):
        continue
    assert len(mails.taken) == 1


def cancel(notifications: Notifications, caller: Any = MANAGER) -> Any:
    return notifications.call(contract.cancel_delivery, caller, delivery_id=notifications.row().id)


def test_staff_cancel_a_message_that_waits(notifications: Notifications, mails: FakeMailServer) -> None:
    request_signature(notifications)
    assert cancel(notifications)["state"] == "cancelled"
    assert not send_next(notifications.runtime)
    assert mails.taken == []
    with pytest.raises(Refused, match="delivery_ended"):
        cancel(notifications)
    with pytest.raises(Refused, match="not_found"):
        cancel(notifications, a_caller("organisation.manage", organisation=BAYSIDE))


def test_a_fax_that_is_cancelled_has_failed_for_its_document(notifications: Notifications) -> None:
    ask_for_fax(notifications)
    cancel(notifications)
    (told,) = notifications.events(contract.fax_failed)
    assert told["data"]["reason"] == "cancelled_by_staff"


def test_a_message_on_its_way_or_sent_is_not_cancelled(notifications: Notifications) -> None:
    request_signature(notifications)
    claimed = sending._claim(notifications.runtime)
    assert claimed is not None
    with pytest.raises(Refused, match="conflict"):
        cancel(notifications)
    sending._settle(notifications.runtime, claimed, sending.SENT, ())
    with pytest.raises(Refused, match="delivery_ended"):
        cancel(notifications)
    assert notifications.row().state == "sent"


def test_a_webhook_test_is_cancelled_like_every_message(
    notifications: Notifications, subscriber: Subscriber
) -> None:
    made = register(notifications, subscriber)
    notifications.call(webhooks.test_webhook, staff(), webhook_id=made["id"])
    assert cancel(notifications)["channel"] == rules.WEBHOOK
    assert not send_next(notifications.runtime)
    assert subscriber.posts == []
