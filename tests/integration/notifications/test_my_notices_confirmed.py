"""Of some messages the application tells first: an e-mail follows only if the notice was not seen or confirmed (N-14)."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.notifications import deliveries, notices
from services.contracts.notifications import my_notices as contract
from tests.integration.notifications.conftest import MARIA, OLGA, FakeMailServer, Notifications
from tests.integration.notifications.subscriber import Subscriber
from tests.integration.notifications.test_deliveries_of_api_clients import write_to_maria
from tests.integration.notifications.test_deliveries_sent import request_signature
from tests.integration.notifications.test_my_notices import notices as notices_of
from tests.integration.notifications.test_preferences import MINE, a_message_waits, send_all
from tests.integration.notifications.test_text_numbers import (  # noqa: F401 - a fixture
    choose,
    texting,
    texts,
    with_number,
)
from tests.support.in_process import a_caller

MANAGER = a_caller("organisation.manage", "delivery.read")
HERS = a_caller(id=OLGA, realm="patient")


def tell_first(notifications: Notifications, mode: str, minutes: int = 30) -> None:
    now = notifications.call(notices.get_notice_settings, MANAGER)
    wanted = {name: now[name] for name in ("told", "management_role_id", "reminder_days", "reminder_hours")}
    wanted |= {"confirmed_by": {"messages": mode}, "confirm_minutes": minutes}
    saved = notifications.call(notices.set_notice_settings, MANAGER, version=now["version"], **wanted)
    assert (saved["confirmed_by"], saved["confirm_minutes"]) == ({"messages": mode}, minutes)


def wait_of(row: Any) -> float:
    return float((row.next_try_at - row.created_at).total_seconds() / 60)


def outcome(notifications: Notifications, kind: str = "message_waiting") -> tuple[str, str | None]:
    (row,) = [each for each in notifications.rows() if each.kind == kind]
    return row.state, row.reason


@pytest.mark.parametrize(
    ("mode", "done", "end"),
    [
        ("seen", "nothing", ("sent", None)),
        ("seen", "read", ("suppressed", "seen_in_app")),
        ("seen", "confirmed", ("suppressed", "seen_in_app")),
        ("explicit", "nothing", ("sent", None)),
        ("explicit", "read", ("sent", None)),
        ("explicit", "confirmed", ("suppressed", "confirmed_in_app")),
    ],
)
def test_an_email_follows_only_if_the_notice_was_not_seen_or_confirmed(
    notifications: Notifications, mails: FakeMailServer, mode: str, done: str, end: tuple[str, str | None]
) -> None:
    tell_first(notifications, mode)
    a_message_waits(notifications)
    send_all(notifications)
    assert (mails.taken, wait_of(notifications.row())) == ([], 30)
    (notice,) = notices_of(notifications)["items"]  # it is there at once
    assert notice["asks_to_confirm"] is (mode == "explicit")
    if done == "read":
        notifications.call(contract.read_my_notices, MINE, notice_id=notice["id"])
    elif done == "confirmed":
        notifications.call(contract.confirm_my_notice, MINE, notice_id=notice["id"])
    notifications.let_time_pass()
    send_all(notifications)
    assert (outcome(notifications), len(mails.taken)) == (end, int(end[0] == "sent"))


def test_a_text_message_follows_after_twice_as_long(
    texting: Notifications,  # noqa: F811
    subscriber: Subscriber,
    mails: FakeMailServer,
) -> None:
    with_number(texting, subscriber)
    choose(texting)
    tell_first(texting, "seen")
    a_message_waits(texting)
    (text,) = [row for row in texting.rows() if row.kind == "text_notice"]
    assert wait_of(text) == 60
    (notice,) = notices_of(texting)["items"]
    texting.call(contract.read_my_notices, MINE, notice_id=notice["id"])
    texting.let_time_pass()
    send_all(texting)
    assert (mails.taken, texts(subscriber)) == ([], [])
    assert outcome(texting, "text_notice") == ("suppressed", "seen_in_app")


def test_what_must_be_told_and_what_is_urgent_waits_for_nobody(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    now = notifications.call(notices.get_notice_settings, MANAGER)
    every = dict.fromkeys(now["groups"], "explicit")
    wanted = {"told": {}, "reminder_days": [], "confirmed_by": every}
    notifications.call(notices.set_notice_settings, MANAGER, version=now["version"], **wanted)
    request_signature(notifications)
    assert (notifications.row().confirm_mode, wait_of(notifications.row())) == (None, 0)


def test_seen_and_confirmed_are_in_the_trace(notifications: Notifications) -> None:
    tell_first(notifications, "explicit")
    a_message_waits(notifications)
    row = notifications.row()
    first = notifications.call(contract.confirm_my_notice, MINE, notice_id=row.id)
    again = notifications.call(contract.confirm_my_notice, MINE, notice_id=row.id)
    assert first == again  # when it was confirmed stays
    assert (first["is_read"], first["asks_to_confirm"]) == (True, False)
    traced = notifications.call(deliveries.get_delivery, MANAGER, delivery_id=row.id)
    assert traced["confirm_mode"] == "explicit"
    assert {"seen", "confirmed"} <= {step["state"] for step in traced["steps"]}
    confirmed = [step["at"] for step in traced["steps"] if step["state"] == "confirmed"]
    assert confirmed == [first["confirmed_at"]]
    assert datetime.datetime.fromisoformat(first["confirmed_at"]) >= row.created_at


def test_nobody_confirms_the_notice_of_somebody_else(notifications: Notifications) -> None:
    tell_first(notifications, "explicit")
    a_message_waits(notifications, MARIA)
    with pytest.raises(Refused, match="not_found"):
        notifications.call(contract.confirm_my_notice, HERS, notice_id=notifications.row().id)


def test_a_message_of_a_test_client_waits_for_nobody(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    """Nobody has a notice of it."""
    tell_first(notifications, "explicit")
    write_to_maria(notifications, "test")
    send_all(notifications)
    assert (outcome(notifications), mails.taken) == (("delivered", "simulated"), [])
