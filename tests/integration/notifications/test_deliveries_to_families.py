"""Messages about Family Portal access: the temporary password, a changed log-in, access that ends."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis import wire
from services.contracts.identity import accounts, credentials, relationships
from services.contracts.portals import messages, own_changes, portal_queue
from services.notifications.deliveries import rules, sending
from tests.integration.notifications.conftest import (
    ADDRESSES,
    MARIA,
    OLGA,
    FakeMailServer,
    Notifications,
    body,
)

TEMPORARY = "K7QF-2MXD-HHP4-WZ9A"


def invite(notifications: Notifications) -> None:
    notifications.answers[credentials.mint_credential_link.address] = lambda _request: {
        "link": None,
        "temporary_password": TEMPORARY,
        "username": "maria@harbor.example",
        "email": ADDRESSES[MARIA],
        "first_name": None,
        "masked_username": None,
        "lifetime_minutes": 7 * 24 * 60,
        "purpose": "temporary_password",
        "realm": "family",
        "organisation_name": "Harbor",
    }
    data = {"invitation_id": wire.new_id(), "account_id": MARIA, "purpose": "temporary_password"}
    notifications.deliver(credentials.account_invited, data)


@pytest.mark.seed("S1-16")
@pytest.mark.seed("S1-33")
def test_the_invitation_brings_the_temporary_password_by_its_template(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    invite(notifications)
    assert notifications.row().kind == "account_invited_with_password"
    assert sending.send_next(notifications.runtime)
    (message,) = mails.taken
    assert mails.recipients == [ADDRESSES[MARIA]]
    assert TEMPORARY in body(message)
    assert "Your username: maria@harbor.example" in body(message)
    assert "https://portico.example/at/harbor/family" in body(message).split()
    assert "7 days" in body(message)
    assert TEMPORARY not in str(message["Subject"])
    assert TEMPORARY not in str(notifications.row().context)
    assert TEMPORARY not in str(notifications.events())


@pytest.mark.seed("S1-19")
def test_a_changed_log_in_is_told_to_the_address_before_it(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    change_id = wire.new_id()
    asked: list[Any] = []

    def describe(request: Any) -> Any:
        asked.append(request["change_id"])
        return {"email": "before@harbor.example", "organisation_name": "Harbor"}

    notifications.answers[credentials.describe_login_change.address] = describe
    notifications.deliver(credentials.login_email_changed, {"account_id": MARIA, "change_id": change_id})
    assert sending.send_next(notifications.runtime)
    assert (asked, mails.recipients) == ([change_id], ["before@harbor.example"])
    assert "no longer opens" in body(mails.taken[0])


def test_a_closed_account_is_told_to_its_address(notifications: Notifications, mails: FakeMailServer) -> None:
    change_id = wire.new_id()
    notifications.answers[credentials.describe_login_change.address] = lambda request: {
        "email": f"{request['change_id']}@harbor.example",
        "organisation_name": "Harbor",
    }
    notifications.deliver(credentials.account_closed, {"account_id": MARIA, "change_id": change_id})
    assert sending.send_next(notifications.runtime)
    assert mails.recipients == [f"{change_id}@harbor.example"]
    assert "was closed" in body(mails.taken[0])


def test_access_that_ends_is_told_without_saying_to_whose_profile(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    person_id = wire.new_id()
    notifications.deliver(
        relationships.grant_expiring,
        {
            "grant_id": wire.new_id(),
            "account_id": MARIA,
            "person_id": person_id,
            "ends_at": "2030-01-01T09:00:00+00:00",
        },
    )
    assert sending.send_next(notifications.runtime)
    assert mails.recipients == [ADDRESSES[MARIA]]
    assert person_id not in body(mails.taken[0])


def test_who_has_no_address_gets_no_message(notifications: Notifications) -> None:
    notifications.answers[accounts.describe_account.address] = lambda _request: {
        "account_id": MARIA,
        "first_name": None,
        "last_name": None,
        "email": None,
        "email_is_verified": False,
        "realm": "patient",
        "person_id": None,
        "state": "active",
        "organisation_name": "Harbor",
        "features": [],
    }
    notifications.deliver(
        relationships.grant_expiring,
        {
            "grant_id": wire.new_id(),
            "account_id": MARIA,
            "person_id": wire.new_id(),
            "ends_at": "2030-01-01T09:00:00+00:00",
        },
    )
    assert sending.send_next(notifications.runtime)
    assert (notifications.row().state, notifications.row().reason) == ("suppressed", "no_address")


@pytest.mark.parametrize(
    ("minutes", "said"), [(90, "90 minutes"), (1440, "1 day"), (10080, "7 days"), (1500, "1500 minutes")]
)
def test_a_lifetime_is_said_in_whole_days_or_in_minutes(minutes: int, said: str) -> None:
    assert rules.spoken(minutes) == said


@pytest.mark.seed("S3-6")
def test_a_message_of_staff_is_told_without_what_it_says_or_whom_it_is_about(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    told = {
        "message_id": wire.new_id(),
        "person_id": wire.new_id(),
        "type": "refill_request",
        "account_ids": [MARIA],
        "is_notified": True,
    }
    notifications.deliver(messages.message_sent, told | {"is_notified": False})
    assert not sending.send_next(notifications.runtime), "the e-mail was switched off"
    notifications.deliver(messages.message_sent, told)
    assert sending.send_next(notifications.runtime)
    assert mails.recipients == [ADDRESSES[MARIA]]
    said = body(mails.taken[0])
    assert "has left a message for you" in said
    for hidden in ("refill", told["person_id"], told["message_id"]):
        assert hidden not in said.lower()


@pytest.mark.seed("S2-130")
@pytest.mark.parametrize("outcome", ["accepted", "not_completed"])
def test_that_a_change_is_answered_is_told_without_what_and_how(
    notifications: Notifications, mails: FakeMailServer, outcome: str
) -> None:
    told = {name: wire.new_id() for name in ("item_id", "thread_id", "person_id")}
    told |= {"portal": "employee", "account_id": MARIA, "outcome": outcome}
    notifications.deliver(own_changes.own_change_answered, told)
    assert sending.send_next(notifications.runtime)
    assert mails.recipients == [ADDRESSES[MARIA]]
    said = body(mails.taken[0])
    assert "has looked at the change that you asked for" in said
    for hidden in (outcome, "accept", told["person_id"], told["item_id"]):
        assert hidden not in said.lower()


@pytest.mark.seed("S3-6")
@pytest.mark.seed("S0-43")
def test_that_a_message_waits_is_told_to_an_address_that_nobody_has_confirmed(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.identity.unverified.add(MARIA)
    told = {
        "message_id": wire.new_id(),
        "person_id": wire.new_id(),
        "type": "refill_request",
        "account_ids": [MARIA],
        "is_notified": True,
    }
    notifications.deliver(messages.message_sent, told)
    assert sending.send_next(notifications.runtime)
    assert mails.recipients == [ADDRESSES[MARIA]]
    # What says more than that something waits is still kept from it.
    notifications.deliver(
        relationships.access_granted,
        {"account_id": MARIA, "resource_id": "5" * 32, "resource_kind": "profile", "is_further": True},
    )
    assert sending.send_next(notifications.runtime)
    assert mails.recipients == [ADDRESSES[MARIA]]
    assert {row.kind: row.reason for row in notifications.rows()}["profile_granted"] == "address_unverified"


def test_each_whose_turn_it_is_learns_that_a_request_waits_and_nothing_else(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    data = {
        "item_id": "5" * 32,
        "type": "refill_request",
        "version": 3,
        "level": "supervisor",
        "account_ids": [MARIA, OLGA],
        "due_at": "2026-01-02T03:04:05+00:00",
    }
    notifications.deliver(portal_queue.item_escalated, data)
    while sending.send_next(notifications.runtime):
        continue
    assert sorted(mails.recipients) == [ADDRESSES[MARIA], ADDRESSES[OLGA]]
    for message in mails.taken:
        text = f"{message['Subject']} {body(message)}"
        assert "A request waits past its time at Harbor" in text
        assert f"/staff/queue/{data['item_id']}" in text
        assert not [each for each in ("refill", "Refill", "supervisor\n") if each in text]
