"""One click in a mail program ends mails of one kind: for one account, without signing in, and never what must be told."""

from __future__ import annotations

import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.contracts.errors import Refused
from services.contracts.identity import accounts, second_factor
from services.contracts.notifications import preferences
from services.contracts.notifications import unsubscribe_links as contract
from services.contracts.referrals import assignments
from services.notifications.deliveries import rules, sending
from services.notifications.preferences.rules import ended_by_link
from services.notifications.templates.product_words import KINDS
from tests.integration.notifications import conftest
from tests.integration.notifications.conftest import MARIA, OLGA, FakeMailServer, Notifications
from tests.integration.notifications.test_deliveries_acted_from import REFERRAL
from tests.integration.notifications.test_preferences import MINE, a_message_waits, choose, send_all

LINK = re.compile(r"<https://portico\.example/unsubscribe/([0-9a-f]{64})>")


def token_of(mail: EmailMessage) -> str:
    found = LINK.fullmatch(str(mail["List-Unsubscribe"]))
    assert found is not None
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return found[1]


def use(notifications: Notifications, token: str) -> Any:
    return notifications.call(contract.unsubscribe, None, token=token)


def test_one_click_ends_mails_of_this_group_for_this_account(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    choose(notifications, switched_off=["appointments"], quiet_from="01:00", quiet_until="01:01")
    a_message_waits(notifications, MARIA)
    send_all(notifications)
    token = token_of(mails.taken[0])
    assert MARIA not in token
    looked = notifications.call(contract.inspect_unsubscribe_link, None, token=token)
    assert looked == {
        "group": "messages",
        "organisation_key": "harbor",
        "organisation_name": "Harbor",
        "realm": "staff",
    }
    assert notifications.call(preferences.get_my_message_preferences, MINE)["switched_off"] == [
        "appointments"
    ]
    assert use(notifications, token) == use(notifications, token) == looked
    saved = notifications.call(preferences.get_my_message_preferences, MINE)
    assert (saved["switched_off"], saved["quiet_from"]) == (["appointments", "messages"], "01:00")
    with pytest.raises(Refused, match="version_conflict"):  # a page from before does not switch them on again
        choose(notifications, version=2, switched_off=["appointments"])
    a_message_waits(notifications, MARIA, OLGA)
    send_all(notifications)
    assert mails.recipients[1:] == [conftest.ADDRESSES[OLGA]]
    choose(notifications)  # signed in, its owner switches them on again
    a_message_waits(notifications, MARIA)
    send_all(notifications)
    assert len(mails.taken) == 3


def test_what_must_be_told_has_no_such_link(notifications: Notifications, mails: FakeMailServer) -> None:
    notifications.deliver(second_factor.second_factor_changed, {"account_id": MARIA, "change": "removed"})
    send_all(notifications)
    assert [name for name in mails.taken[0] if name.lower().startswith("list-")] == []
    assert {ended_by_link(kind) for kind in KINDS} - {None} <= set(contract.ENDED)
    without = {kind for kind in KINDS if ended_by_link(kind) is None}
    assert rules.WITHOUT_ACCOUNT - {"document_fax"} <= without
    assert {"account_invited", "password_reset", "document_ready_to_sign", "break_glass_used"} <= without
    assert {"capacity_stale", "access_ending", "request_overdue", "test_message"} <= without


def test_a_provider_gets_no_mails_about_referrals_any_more(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    notifications.identity.recipients = [{"account_id": MARIA, "email_is_verified": True}]
    stopped: list[Any] = []
    notifications.answers[accounts.stop_resource_emails.address] = lambda asked: (
        stopped.append(dict(asked)) or {"account_id": MARIA}
    )
    notifications.deliver(assignments.referral_assigned, REFERRAL)
    send_all(notifications)
    assert use(notifications, token_of(mails.taken[0]))["group"] == "resource_assigned"
    assert stopped == [{"account_id": MARIA}]


def test_without_the_summary_there_is_nothing_of_what_it_tells(
    notifications: Notifications, mails: FakeMailServer
) -> None:
    choose(notifications, digested=["messages", "documents"])
    a_message_waits(notifications, MARIA)
    send_all(notifications)
    notifications.let_time_pass()
    send_all(notifications)
    (summary,) = mails.taken
    a_message_waits(notifications, MARIA)  # it is in the next summary
    send_all(notifications)
    use(notifications, token_of(summary))
    saved = notifications.call(preferences.get_my_message_preferences, MINE)
    assert (saved["switched_off"], saved["digested"]) == (["documents", "messages"], [])
    notifications.let_time_pass()
    send_all(notifications)
    a_message_waits(notifications, MARIA)
    send_all(notifications)
    assert len(mails.taken) == 1


@pytest.mark.parametrize("change", ["disabled", "address", "gone", "foreign", "another", "cut"])
def test_a_link_dies_with_its_account_and_its_address(
    notifications: Notifications,
    mails: FakeMailServer,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    a_message_waits(notifications, MARIA)
    notifications.deliver(second_factor.second_factor_changed, {"account_id": MARIA, "change": "removed"})
    send_all(notifications)
    token = token_of(next(mail for mail in mails.taken if mail["List-Unsubscribe"]))
    if change == "disabled":
        notifications.identity.states[MARIA] = "disabled"
    elif change == "address":
        monkeypatch.setitem(conftest.ADDRESSES, MARIA, "maria@elsewhere.example")
    elif change == "gone":
        notifications.identity.refusal = "not_found"
    elif change == "foreign":
        token = token[:32] + "0" * 32
    elif change == "another":  # a mail that must be told has no link, and none can be made of another's
        token = (
            next(row.id for row in notifications.rows() if row.kind == "second_factor_removed") + token[32:]
        )
    else:
        token = token[:-1]
    for operation in (contract.inspect_unsubscribe_link, contract.unsubscribe):
        with pytest.raises(Refused, match="not_found"):
            notifications.call(operation, None, token=token)
    assert notifications.call(preferences.get_my_message_preferences, MINE)["switched_off"] == []


def test_both_headers_stand_on_lines_of_their_own_and_are_signed(
    notifications: Notifications, mails: FakeMailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "dkim.pem"
    key.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    notifications.runtime.settings.dkim_key_file = str(key)
    notifications.runtime.settings.dkim_selector = "s1"
    raw: list[bytes] = []
    taken = sending.email.smtplib.SMTP.sendmail

    def sendmail(self: Any, sender: str, to: list[str], content: bytes) -> Any:
        raw.append(content)
        return taken(self, sender, to, content)

    monkeypatch.setattr(sending.email.smtplib.SMTP, "sendmail", sendmail)
    a_message_waits(notifications, MARIA)
    send_all(notifications)
    (content,) = raw
    assert re.search(rb"\r\nList-Unsubscribe: <https://\S+>\r\n", content)
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in content
    signed = re.search(rb" h=([^;]+);", content)
    assert signed is not None
    names = re.sub(rb"\s", b"", signed[1]).split(b":")
    assert {b"List-Unsubscribe", b"List-Unsubscribe-Post"} <= set(names)
