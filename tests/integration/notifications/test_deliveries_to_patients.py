"""Messages about patients' portal access: confirming an address, and an account that could not be verified."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis import wire
from services.contracts.errors import Refused
from services.contracts.identity import credentials, patients
from services.contracts.notifications import deliveries as contract
from services.notifications.deliveries import sending
from tests.integration.notifications.conftest import (
    ADDRESSES,
    LINK,
    MARIA,
    FakeMailServer,
    Notifications,
    body,
)

ENTERED = "somebody@elsewhere.example"


def deliver_notice(notifications: Notifications) -> list[Any]:
    """Deliver the event. Returns the requests to identity for the address."""
    asked: list[Any] = []

    def take(request: Any) -> Any:
        asked.append(request["notice_id"])
        return {"email": ENTERED, "organisation_name": "Harbor"}

    notifications.answers[patients.take_unverified_address.address] = take
    notifications.deliver(patients.patient_not_verified, {"notice_id": wire.new_id()})
    return asked


@pytest.mark.seed("S3-26")
def test_the_address_entered_is_told_that_it_could_not_be_verified_and_nothing_else(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    asked = deliver_notice(notifications)
    assert sending.send_next(notifications.runtime)
    assert (asked, mails.recipients) == ([notifications.row().context["notice_id"]], [ENTERED])
    text = body(mails.taken[0])
    assert "could not be verified" in text
    for detail in ("last name", "date of birth", "postal code", "http"):
        assert detail not in text
    assert notifications.row().state == "sent"
    # Only the message holds the address, and no event names an account, as there is none.
    assert ENTERED not in str(vars(notifications.row()))
    assert notifications.events(contract.delivery_sent) == []


@pytest.mark.seed("S3-26")
def test_a_notice_whose_time_is_over_is_not_sent(notifications: Notifications, mails: FakeMailServer) -> None:
    deliver_notice(notifications)

    def gone(_request: Any) -> Any:
        raise Refused("not_found", "")

    notifications.answers[patients.take_unverified_address.address] = gone
    assert sending.send_next(notifications.runtime)
    assert (notifications.row().state, mails.taken) == ("suppressed", [])


@pytest.mark.seed("S3-29")
def test_a_registration_gets_a_confirmation_with_its_link(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    data = {"invitation_id": wire.new_id(), "account_id": MARIA, "purpose": "verify_email"}
    notifications.deliver(credentials.account_invited, data)
    assert notifications.row().kind == "email_confirmation"
    assert sending.send_next(notifications.runtime)
    assert mails.recipients == [ADDRESSES[MARIA]]
    assert LINK in body(mails.taken[0])
    assert "confirm" in str(mails.taken[0]["Subject"])


@pytest.mark.seed("S3-32")
@pytest.mark.seed("S3-37")
@pytest.mark.parametrize("purpose", ["invitation", "reset", "reset_after_tries"])
def test_a_link_says_whose_it_is_where_the_address_is_not_the_username(
    notifications: Notifications, mails: FakeMailServer, purpose: str
) -> None:
    for username in ("maria.quill", ADDRESSES[MARIA].upper(), ""):
        notifications.identity.username = username
        data = {"invitation_id": wire.new_id(), "account_id": MARIA, "purpose": purpose}
        notifications.deliver(credentials.account_invited, data)
        assert sending.send_next(notifications.runtime)
    texts = [body(message) for message in mails.taken]
    assert [LINK in text for text in texts] == [True] * 3
    assert ["username: maria.quill" in text for text in texts] == [True, False, False]
    assert ["username" in text for text in texts] == [True, False, False]


@pytest.mark.fault("A26")
def test_wrong_passwords_of_somebody_are_told_with_a_way_to_another_password(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    data = {"invitation_id": wire.new_id(), "account_id": MARIA, "purpose": "reset_after_tries"}
    notifications.deliver(credentials.account_invited, data)
    assert notifications.row().kind == "password_tries_refused"
    assert sending.send_next(notifications.runtime)
    assert mails.recipients == [ADDRESSES[MARIA]]
    text = body(mails.taken[0])
    assert "too many wrong passwords" in text
    assert LINK in text


@pytest.mark.seed("S3-32")
@pytest.mark.parametrize("purpose", ["invitation", "reset", "reset_after_tries"])
@pytest.mark.parametrize("masked", ["m•••l", None])
def test_where_several_people_have_one_address_the_message_says_whose_link_it_is(
    notifications: Notifications, mails: FakeMailServer, purpose: str, masked: str | None
) -> None:
    notifications.identity.username = "maria.quill" if masked else ""
    notifications.identity.whose = {"first_name": "Maria", "masked_username": masked}
    data = {"invitation_id": wire.new_id(), "account_id": MARIA, "purpose": purpose}
    notifications.deliver(credentials.account_invited, data)
    assert sending.send_next(notifications.runtime)
    text = body(mails.taken[0])
    assert LINK in text
    assert ("Maria (m•••l)" if masked else "Maria") in text
    assert "maria.quill" not in text
    assert "Maria" not in str(mails.taken[0]["Subject"])
