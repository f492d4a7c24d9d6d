"""Answers to text messages: STOP ends them, START lets them come again, and the words are not kept (N-6)."""

from __future__ import annotations

import datetime
import hashlib
import json
import time
from typing import Any

import pytest
from sqlalchemy import delete

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.notifications import reports, suppressed_addresses
from services.notifications.deliveries import retention
from services.notifications.deliveries.models import Delivery
from services.notifications.deliveries.report_signatures import signature
from services.notifications.reports.rules import word_of
from tests.integration.notifications.conftest import MARIA, OLGA, Notifications
from tests.integration.notifications.subscriber import Subscriber
from tests.integration.notifications.test_preferences import a_message_waits
from tests.integration.notifications.test_reports import KEY
from tests.integration.notifications.test_text_numbers import (  # noqa: F401 - a fixture
    DIALLED,
    choose,
    enter,
    of_texts,
    send_all,
    texting,
    texts,
    with_number,
)
from tests.integration.notifications.test_webhooks import register
from tests.support.in_process import a_caller

STAFF = a_caller("delivery.read", "organisation.manage")
CANARY = "my-chest-hurts"


def answer(notifications: Notifications, text: str, number: str = DIALLED, key: str = KEY) -> bool:
    at = int(time.time())
    signed = signature(key, "text", at, hashlib.sha256(f"{number}\n{text}".encode()).hexdigest())
    given = {"from_number": number, "text": text, "timestamp": at, "signature": signed}
    return bool(notifications.call(reports.receive_text, None, **given)["is_noted"])


def listed(notifications: Notifications) -> list[Any]:
    return list(notifications.call(suppressed_addresses.list_suppressed_addresses, STAFF)["items"])


def a_text_is_wanted(notifications: Notifications, subscriber: Subscriber) -> None:
    subscriber.posts.clear()
    a_message_waits(notifications)
    send_all(notifications)


def test_stop_ends_text_messages_and_start_lets_them_come_again(
    texting: Notifications,  # noqa: F811
    subscriber: Subscriber,
) -> None:
    with_number(texting, subscriber)
    choose(texting)
    assert answer(texting, " Stop. ")
    assert answer(texting, "STOP")  # once more changes nothing
    a_text_is_wanted(texting, subscriber)
    assert (texts(subscriber), of_texts(texting)[-1]) == ([], ("text_notice", "suppressed", "number_stopped"))
    (shown,) = listed(texting)
    assert (shown["masked_address"], shown["reason"], shown["is_removable"]) == ("•••71", "stopped", False)
    with pytest.raises(Refused, match="stopped_by_owner"):
        texting.call(suppressed_addresses.remove_suppressed_address, STAFF, suppressed_address_id=shown["id"])
    assert answer(texting, "start")
    assert listed(texting) == []
    a_text_is_wanted(texting, subscriber)
    assert [each["number"] for each in texts(subscriber)] == [DIALLED]


def test_no_code_goes_to_a_number_whose_owner_has_sent_stop(
    texting: Notifications,  # noqa: F811
    subscriber: Subscriber,
) -> None:
    enter(texting)
    send_all(texting)
    assert answer(texting, "STOP")  # somebody else's number was entered
    subscriber.posts.clear()
    enter(texting, caller=a_caller(id=OLGA, realm="patient"))
    send_all(texting)
    assert (texts(subscriber), of_texts(texting)[-1]) == ([], ("text_code", "suppressed", "number_stopped"))


@pytest.mark.parametrize("notifications", ["sqlite", "postgresql"], indirect=True)
def test_stop_counts_where_no_text_message_is_kept_any_more(
    texting: Notifications,  # noqa: F811
    subscriber: Subscriber,
) -> None:
    with_number(texting, subscriber)
    choose(texting)
    register(texting, subscriber, events=["text_received"])
    texting.database.write(None, lambda session: session.execute(delete(Delivery)))
    assert answer(texting, "STOP")
    (shown,) = listed(texting)
    assert (shown["masked_address"], shown["reason"], shown["delivery_id"]) == ("•••71", "stopped", MARIA)
    send_all(texting)
    (post,) = subscriber.posts
    assert json.loads(post.body)["data"] == {"account_id": MARIA, "word": "stop"}
    a_text_is_wanted(texting, subscriber)
    assert of_texts(texting) == [("text_notice", "suppressed", "number_stopped")]


def test_stop_is_not_forgotten_with_age(texting: Notifications, subscriber: Subscriber) -> None:  # noqa: F811
    with_number(texting, subscriber)
    assert answer(texting, "STOP")
    kept = retention.suppressed_addresses(365)
    years_on = utc_now() + datetime.timedelta(days=3660)
    assert texting.database.sweep(kept.model, kept.is_old(years_on)) == 0
    assert answer(texting, "START")
    assert listed(texting) == []


def test_another_system_is_told_the_word_and_never_the_text(
    texting: Notifications,  # noqa: F811
    subscriber: Subscriber,
) -> None:
    with_number(texting, subscriber)
    register(texting, subscriber, events=["text_received"])
    for text in ("STOP", "START", CANARY):
        assert answer(texting, text)
    send_all(texting)
    said = [json.loads(post.body) for post in subscriber.posts]
    assert {each["type"] for each in said} == {"portico.notifications.text_received.v1"}
    assert [each["data"] for each in said] == [
        {"account_id": MARIA, "word": word} for word in ("stop", "start", "other")
    ]
    assert CANARY not in str([vars(row) for row in (*texting.rows(), *texting.audit())])


@pytest.mark.parametrize("number", ["+14155552672", "72975"])
def test_an_answer_from_a_number_that_nobody_has_changes_nothing(
    texting: Notifications,  # noqa: F811
    subscriber: Subscriber,
    number: str,
) -> None:
    with_number(texting, subscriber)
    assert not answer(texting, "STOP", number)
    assert listed(texting) == []


def test_only_the_provider_hands_answers_over(
    texting: Notifications,  # noqa: F811
    subscriber: Subscriber,
) -> None:
    with_number(texting, subscriber)
    with pytest.raises(Refused, match="report_refused"):
        answer(texting, "STOP", key="x" * 32)
    assert listed(texting) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("STOP", "stop"),
        ("stop all", "stop"),
        ("¡Alto!", "stop"),
        ("Unstop", "start"),
        ("Please stop by at ten", "other"),
        ("", "other"),
    ],
)
def test_only_the_word_alone_counts(text: str, word: str) -> None:
    assert word_of(text) == word
