"""An address whose mail comes back gets no more of any kind, until staff take it off the list or its owner has another."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import credentials
from services.contracts.notifications import suppressed_addresses as contract
from services.contracts.spelling import masked_address
from services.notifications.channels.status_codes import finding
from services.notifications.deliveries import retention
from services.notifications.deliveries.models import SuppressedAddress
from tests.integration.notifications import conftest
from tests.integration.notifications.conftest import MARIA, OLGA, FakeMailServer, Notifications
from tests.integration.notifications.test_preferences import MINE, a_message_waits, send_all
from tests.integration.notifications.test_reports import KEY, return_mail, returned
from tests.support.in_process import BAYSIDE, a_caller

STAFF = a_caller("delivery.read", "organisation.manage")


@pytest.fixture
def reporting(notifications: Notifications) -> Notifications:
    notifications.runtime.settings.provider_reports_key = KEY
    notifications.runtime.settings.mail_bounces_to = "bounces@portico.example"
    return notifications


def mail_to(notifications: Notifications, account_id: str = MARIA) -> tuple[str, str | None]:
    """Send a message; what became of it."""
    a_message_waits(notifications, account_id)
    send_all(notifications)
    row = notifications.rows()[-1]
    return row.state, row.reason


def the_list(notifications: Notifications, **asked: Any) -> Any:
    return notifications.call(contract.list_suppressed_addresses, STAFF, **asked)


def my_mailbox(notifications: Notifications, account_id: str = MARIA) -> Any:
    caller = a_caller(id=account_id, realm="provider")
    return notifications.call(contract.get_my_mailbox, caller)["suppressed_since"]


def test_an_address_that_nobody_has_gets_nothing_more(
    reporting: Notifications, mails: FakeMailServer
) -> None:
    assert mail_to(reporting) == ("sent", None)
    assert my_mailbox(reporting) is None
    assert return_mail(reporting, returned(mails.senders[0]))
    (row,) = the_list(reporting)["items"]
    assert (row["masked_address"], row["account_id"]) == ("m•••a@harbor.example", MARIA)
    assert (row["reason"], row["delivery_id"]) == ("unknown_mailbox", reporting.row().id)
    assert my_mailbox(reporting) == row["since"]
    assert my_mailbox(reporting, OLGA) is None

    assert mail_to(reporting) == ("suppressed", "address_suppressed")
    invited = {"account_id": MARIA, "invitation_id": "f" * 32, "purpose": "reset"}
    reporting.deliver(credentials.account_invited, invited)  # what must be told, too
    send_all(reporting)
    assert [each.state for each in reporting.rows()] == ["permanent_failure", "suppressed", "suppressed"]
    assert mail_to(reporting, OLGA) == ("sent", None)
    assert len(mails.taken) == 2
    told = str(reporting.events()) + str(reporting.audit("address.suppressed"))
    assert "maria" not in told.lower()
    assert "harbor.example" not in told


def test_another_address_of_the_account_begins_anew(
    reporting: Notifications, mails: FakeMailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_to(reporting)
    return_mail(reporting, returned(mails.senders[0]))
    monkeypatch.setitem(conftest.ADDRESSES, MARIA, "Maria@HARBOR.example")  # the same in another spelling
    assert mail_to(reporting) == ("suppressed", "address_suppressed")
    monkeypatch.setitem(conftest.ADDRESSES, MARIA, "maria+new@harbor.example")
    assert mail_to(reporting) == ("sent", None)
    assert my_mailbox(reporting) is None


def test_staff_take_an_address_off_the_list(reporting: Notifications, mails: FakeMailServer) -> None:
    mail_to(reporting)
    return_mail(reporting, returned(mails.senders[0]))
    (row,) = the_list(reporting)["items"]
    remove = contract.remove_suppressed_address
    for caller in (a_caller("delivery.read"), a_caller("organisation.manage", realm="provider")):
        with pytest.raises(Refused, match="forbidden"):
            reporting.call(remove, caller, suppressed_address_id=row["id"])
    foreign = a_caller("delivery.read", "organisation.manage", organisation=BAYSIDE)
    assert reporting.call(contract.list_suppressed_addresses, foreign)["items"] == []
    with pytest.raises(Refused, match="not_found"):
        reporting.call(remove, foreign, suppressed_address_id=row["id"])
    assert reporting.call(remove, STAFF, suppressed_address_id=row["id"])["id"] == row["id"]
    with pytest.raises(Refused, match="not_found"):
        reporting.call(remove, STAFF, suppressed_address_id=row["id"])
    assert the_list(reporting)["items"] == []
    assert mail_to(reporting) == ("sent", None)


@pytest.mark.parametrize(
    ("said", "state", "reason", "listed"),
    [
        ("550 5.1.1 User unknown", "permanent_failure", "recipient_refused", ["unknown_mailbox"]),
        (
            "550-5.1.1 The account\n550 5.1.1 does not exist",
            "permanent_failure",
            "recipient_refused",
            ["unknown_mailbox"],
        ),
        ("550 No such user", "permanent_failure", "recipient_refused", []),
        ("554 5.7.1 Relaying denied", "permanent_failure", "message_refused", []),
        ("552 5.2.2 Mailbox full", "permanent_failure", "recipient_refused", []),
        ("451 4.2.1 Try later", "temporary_failure", "recipient_deferred", []),
    ],
)
def test_what_the_mail_server_answers_at_once_counts_as_well(
    reporting: Notifications, mails: FakeMailServer, monkeypatch: pytest.MonkeyPatch,
    said: str, state: str, reason: str, listed: list[str],
) -> None:  # fmt: skip
    async def handle_RCPT(_self: Any, *_given: Any) -> str:  # noqa: N802 - aiosmtpd's name
        return said.replace("\n", "\r\n")

    monkeypatch.setattr(FakeMailServer, "handle_RCPT", handle_RCPT, raising=False)
    assert mail_to(reporting) == (state, reason)
    assert [row["reason"] for row in the_list(reporting)["items"]] == listed


def test_what_comes_back_three_times_in_a_row_is_enough(
    reporting: Notifications, mails: FakeMailServer
) -> None:
    def came_back(status: str) -> None:
        assert mail_to(reporting)[0] == "sent"
        assert return_mail(reporting, returned(mails.senders[-1], status=status))

    for _ in range(2):
        came_back("5.2.2")
    mail_to(reporting)  # one that arrives
    for _ in range(2):
        came_back("5.2.2")
    came_back("5.7.1")  # refused for what it is: it says nothing about the address
    assert the_list(reporting)["items"] == []
    for _ in range(3):
        came_back("5.2.2")
    (row,) = the_list(reporting)["items"]
    assert row["reason"] == "returned_often"
    assert mail_to(reporting) == ("suppressed", "address_suppressed")


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (("5.1.1",), "unknown_mailbox"),
        (("5.0.0", "smtp; 550 5.1.10 RESOLVER.ADR.RecipientNotFound"), "unknown_mailbox"),
        (("5.4.4", "X-Postfix; Host or domain name not found"), "address"),
        (("5.7.26", ""), "message"),
        (("smtp; 550 host 10.5.1.1 said no",), "address"),
        ((), "address"),
    ],
)
def test_status_codes_say_what_a_failure_is_about(texts: tuple[str, ...], found: str) -> None:
    assert finding(*texts) == found


def test_a_mask_shows_the_domain_and_hardly_more() -> None:
    masked = [masked_address(each) for each in ("maria.quill@x.example", "jo@x.example", "a@x.example")]
    assert masked == ["m•••l@x.example", "j•••@x.example", "a•••@x.example"]


def test_after_a_year_a_mail_tries_again(reporting: Notifications, mails: FakeMailServer) -> None:
    mail_to(reporting)
    return_mail(reporting, returned(mails.senders[0]))
    kept = retention.suppressed_addresses(365)
    assert reporting.database.sweep(kept.model, kept.is_old(utc_now())) == 0
    a_year_on = utc_now() + datetime.timedelta(days=366)
    assert reporting.database.sweep(SuppressedAddress, kept.is_old(a_year_on)) == 1
    assert mail_to(reporting) == ("sent", None)


def test_the_list_goes_on_page_by_page(reporting: Notifications, mails: FakeMailServer) -> None:
    for number, account_id in enumerate((MARIA, OLGA, conftest.BEN)):
        mail_to(reporting, account_id)
        return_mail(reporting, returned(mails.senders[number]))
    first = the_list(reporting, limit=2)
    rest = the_list(reporting, limit=2, after=first["next"])
    assert [each["account_id"] for each in first["items"] + rest["items"]] == [conftest.BEN, OLGA, MARIA]
    assert rest["next"] is None
    assert MINE.id == MARIA
