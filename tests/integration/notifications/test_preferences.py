"""What accounts switch off, their quiet hours, and what is told all the same."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.chassis import wire
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import credentials, second_factor
from services.contracts.notifications import preferences as contract
from services.contracts.portals import messages
from services.contracts.referrals import status_changes
from services.notifications.deliveries import sending
from tests.integration.notifications.conftest import (
    ADDRESSES,
    MARIA,
    OLGA,
    FakeMailServer,
    Notifications,
    body,
)
from tests.support.in_process import BAYSIDE, a_caller

MINE = a_caller(id=MARIA, realm="employee")


def choose(notifications: Notifications, caller: Any = MINE, **chosen: Any) -> Any:
    return notifications.call(contract.set_my_message_preferences, caller, **({"switched_off": []} | chosen))


def a_message_waits(notifications: Notifications, *accounts: str) -> None:
    data = {"message_id": wire.new_id(), "person_id": "d" * 32, "type": "note", "is_notified": True}
    notifications.deliver(messages.message_sent, data | {"account_ids": list(accounts or (MARIA,))})


def send_all(notifications: Notifications) -> None:
    while sending.send_next(notifications.runtime):
        continue


def test_what_is_switched_off_is_not_sent_and_staff_see_why(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    usual = notifications.call(contract.get_my_message_preferences, MINE)
    assert (usual["switched_off"], usual["quiet_from"]) == ([], None)
    assert usual["time_zone"] == "America/Los_Angeles"  # the organisation's
    saved = choose(notifications, switched_off=["messages", "messages"])
    assert saved["switched_off"] == ["messages"]
    assert saved == notifications.call(contract.get_my_message_preferences, MINE)
    a_message_waits(notifications, MARIA, OLGA)
    send_all(notifications)
    assert mails.recipients == [ADDRESSES[OLGA]]
    states = {row.account_id: (row.state, row.reason) for row in notifications.rows()}
    assert states == {MARIA: ("suppressed", "switched_off"), OLGA: ("sent", None)}
    # The choice is this account's in this organisation, and what must be told is told.
    choose(
        notifications, a_caller(id=OLGA, realm="employee", organisation=BAYSIDE), switched_off=["messages"]
    )
    choose(notifications, switched_off=list(contract.GROUPS), quiet_from="00:00", quiet_until="23:59")
    notifications.deliver(second_factor.second_factor_changed, {"account_id": MARIA, "change": "removed"})
    a_message_waits(notifications, OLGA)
    send_all(notifications)
    assert sorted(mails.recipients[1:]) == sorted([ADDRESSES[MARIA], ADDRESSES[OLGA]])


def test_what_can_wait_waits_until_the_quiet_hours_are_over(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    now = utc_now()
    until = (now + datetime.timedelta(hours=2)).replace(second=0, microsecond=0)
    before = now - datetime.timedelta(hours=1)
    choose(notifications, quiet_from=f"{before:%H:%M}", quiet_until=f"{until:%H:%M}")
    a_message_waits(notifications)
    send_all(notifications)
    row = notifications.row()
    assert (row.state, row.reason, row.tries, row.next_try_at) == ("created", "quiet_hours", 0, until)
    assert mails.taken == []
    choose(notifications)
    notifications.let_time_pass()
    send_all(notifications)
    row = notifications.row()
    assert (row.state, row.reason, row.tries) == ("sent", None, 1)


def test_quiet_hours_have_two_ends_and_a_zone(notifications: Notifications) -> None:
    for wrong, member in (
        ({"quiet_from": "22:00"}, "quiet_until"),
        ({"quiet_until": "07:00"}, "quiet_from"),
        ({"time_zone": "Mars"}, "time_zone"),
        ({"switched_off": ["credentials"]}, "switched_off.0"),
    ):
        with pytest.raises(Refused, match="invalid_request") as refusal:
            choose(notifications, **wrong)
        assert refusal.value.field == member


def test_a_form_from_before_does_not_undo_what_was_chosen_meanwhile(notifications: Notifications) -> None:
    seen = notifications.call(contract.get_my_message_preferences, MINE)["version"]
    saved = choose(notifications, version=seen, switched_off=["messages"])
    assert saved["version"] == seen + 1
    with pytest.raises(Refused, match="version_conflict"):
        choose(notifications, version=seen, quiet_from="22:00", quiet_until="06:00")
    assert choose(notifications)["switched_off"] == []  # who names no version has seen none


@pytest.mark.seed("S0-40")
def test_a_provider_has_no_choice_beside_the_one_in_the_profile(notifications: Notifications) -> None:
    provider = a_caller(id=MARIA, realm="provider")
    with pytest.raises(Refused, match="forbidden"):
        choose(notifications, provider)
    with pytest.raises(Refused, match="forbidden"):
        notifications.call(contract.get_my_message_preferences, provider)


def test_an_owner_is_told_of_another_password_and_not_of_the_first(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    for data in ({}, {"is_changed": False}):
        notifications.deliver(credentials.password_set, {"account_id": MARIA, **data})
    assert notifications.rows() == []
    notifications.identity.unverified = {MARIA}
    notifications.deliver(credentials.password_set, {"account_id": MARIA, "is_changed": True})
    send_all(notifications)
    assert mails.recipients == [ADDRESSES[MARIA]]
    assert "is another one now" in body(mails.taken[0])


def test_who_had_a_referral_is_told_that_it_has_gone_to_somebody_else(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.identity.recipients = [{"account_id": MARIA, "email_is_verified": True}]
    event = status_changes.referral_reassigned
    ids = {name: "a" * 32 for name, field in event.schema.fields.items() if field.required}
    data = ids | {"contact_record_number": "CR-00001234"}
    for name, field in event.schema.fields.items():
        if field.required and type(field).__name__ in ("Count", "Moment", "Flag"):
            data[name] = {"Count": 1, "Moment": "2026-03-04T05:06:07+00:00", "Flag": True}[
                type(field).__name__
            ]
    notifications.deliver(event, data)
    send_all(notifications)
    assert mails.recipients == [ADDRESSES[MARIA]]
    assert "CR-00001234" in str(mails.taken[0]["Subject"])
    assert "somebody else" in body(mails.taken[0])
