"""Messages about ways in: a pick-up code, a changed second factor, an enabled account; and suppressed ones."""

from __future__ import annotations

from typing import Any

import pytest

from services.chassis import wire
from services.contracts.errors import Refused
from services.contracts.identity import accounts, outside, pickup_codes, second_factor
from services.contracts.notifications import deliveries as contract
from services.contracts.notifications import templates
from services.contracts.signing import documents as signing
from services.notifications.deliveries import sending
from tests.integration.notifications.conftest import (
    ADDRESSES,
    MARIA,
    OLGA,
    FakeMailServer,
    Notifications,
    body,
)
from tests.support.in_process import a_caller

CODE = "K7QF-2MXD-HHP4-WZ9A"


def request_code(notifications: Notifications, answer: Any) -> None:
    notifications.answers[pickup_codes.mint_pickup_code.address] = answer
    data = {"code_id": wire.new_id(), "person_id": wire.new_id()}
    notifications.deliver(pickup_codes.pickup_code_requested, data)


def minted(_request: Any) -> dict[str, Any]:
    return {
        "code": CODE,
        "email": ADDRESSES[MARIA],
        "lifetime_minutes": 30 * 24 * 60,
        "organisation_name": "Harbor",
    }


@pytest.mark.seed("S2-117")
def test_a_pick_up_code_is_mailed_and_rests_nowhere(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    request_code(notifications, minted)
    assert [operation for operation, _ in notifications.asked] == [], "it is made when it is sent"
    assert sending.send_next(notifications.runtime)
    (message,) = mails.taken
    assert mails.recipients == [ADDRESSES[MARIA]]
    assert CODE in body(message)
    assert "30 days" in body(message)
    assert "https://portico.example/pickup-code?organisation=" in body(message)
    assert CODE not in str(message["Subject"])
    row = notifications.row()
    assert (row.kind, row.state) == ("pickup_code", "sent")
    assert CODE not in str(row.context)
    assert notifications.events() == [], "there is no account yet that an event could name"


def test_a_code_that_is_not_needed_any_more_is_not_mailed(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    def gone(_request: Any) -> Any:
        raise Refused("not_found", "")

    request_code(notifications, gone)
    sending.send_next(notifications.runtime)
    assert mails.taken == []
    assert notifications.row().state == "suppressed"


def test_a_mailed_code_is_another_one_when_the_message_is_tried_again(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    made: list[str] = []

    def another(request: Any) -> Any:
        made.append(request["code_id"])
        return minted(request) | {"code": f"{CODE}-{len(made)}"}

    request_code(notifications, another)
    mails.answers = ["451 later"]
    sending.send_next(notifications.runtime)
    notifications.let_time_pass()
    sending.send_next(notifications.runtime)
    assert len(made) == 2
    assert f"{CODE}-2" in body(mails.taken[0])


@pytest.mark.parametrize(
    ("change", "says"),
    [("enabled", "was set up"), ("removed", "was removed or reset"), ("reset", "was removed or reset")],
)
def test_a_changed_second_factor_is_told_to_its_owner(
    notifications: Notifications, mails: FakeMailServer, change: str, says: str
) -> None:
    notifications.identity.unverified.add(MARIA)  # such a notice is sent to an unverified address, too
    data = {"account_id": MARIA, "change": change}
    notifications.deliver(second_factor.second_factor_changed, data)
    assert sending.send_next(notifications.runtime)
    assert mails.recipients == [ADDRESSES[MARIA]]
    assert says in body(mails.taken[0])
    assert "Maria" not in body(mails.taken[0])


@pytest.mark.parametrize(
    ("change", "says"), [("linked", "was linked with"), ("unlinked", "can no longer be opened")]
)
def test_an_outside_sign_in_that_comes_or_goes_is_told_to_the_verified_address(
    notifications: Notifications, mails: FakeMailServer, change: str, says: str
) -> None:
    for account_id in (MARIA, OLGA):
        data = {"account_id": account_id, "identity_id": "7" * 32, "change": change}
        notifications.deliver(outside.outside_identity_changed, data)
    notifications.identity.unverified.add(OLGA)
    while sending.send_next(notifications.runtime):
        continue
    (mail,) = mails.taken
    assert mails.recipients == [ADDRESSES[MARIA]]
    assert says in body(mail)
    for word in ("Maria", "7" * 32):
        assert word not in body(mail)
    assert sorted(row.reason or row.state for row in notifications.rows()) == ["address_unverified", "sent"]


def test_an_account_that_is_open_again_is_told_to_its_owner(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.deliver(accounts.account_enabled, {"account_id": MARIA})
    assert sending.send_next(notifications.runtime)
    assert mails.recipients == [ADDRESSES[MARIA]]
    assert "open again" in str(mails.taken[0]["Subject"])


def test_a_message_to_an_address_that_is_not_verified_is_suppressed_and_shown_to_the_administrator(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.identity.unverified.add(OLGA)
    document = {"document_id": "ab" * 16, "recipient_account_id": MARIA, "sender_account_id": OLGA}
    notifications.deliver(signing.document_signed, document)
    sending.send_next(notifications.runtime)
    assert mails.taken == []
    (item,) = notifications.call(contract.list_deliveries, a_caller("delivery.read"), state="suppressed")[
        "items"
    ]
    assert (item["account_id"], item["reason"]) == (OLGA, "address_unverified")

    notifications.identity.unverified.clear()
    notifications.deliver(signing.document_signed, document, event_id=wire.new_id())
    sending.send_next(notifications.runtime)
    assert mails.recipients == [ADDRESSES[OLGA]]


@pytest.mark.seed("S4-15", "S4-8")
def test_who_has_never_signed_in_is_told_all_the_same_that_a_document_waits(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.identity.unverified.add(MARIA)
    document = {"document_id": "ab" * 16, "recipient_account_id": MARIA, "sender_account_id": OLGA}
    notifications.deliver(signing.signature_requested, document)
    sending.send_next(notifications.runtime)
    assert mails.recipients == [ADDRESSES[MARIA]]


@pytest.mark.seed("S2-135")
def test_the_mail_with_a_one_time_code_says_what_the_organisation_has_written(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    words = {
        "kind": "pickup_code",
        "subject": "Your key to the plant's portal",
        "text": "Enter {{ pickup_code }} within {{ lifetime }}:\n{{ portal_link }}\n",
        "html": None,
    }
    admin = a_caller("organisation.manage")
    notifications.call(templates.save_message_template, admin, version=1, **words)
    request_code(notifications, minted)
    assert sending.send_next(notifications.runtime)
    (message,) = mails.taken
    assert message["Subject"] == "Your key to the plant's portal"
    assert body(message).startswith(f"Enter {CODE} within 30 days:")
    with pytest.raises(Refused) as refused:
        notifications.call(
            templates.save_message_template, admin, version=2, **{**words, "text": "Without the code"}
        )
    assert refused.value.code == "template_placeholder_missing"
