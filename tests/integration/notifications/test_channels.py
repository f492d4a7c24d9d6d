"""How messages leave: what staff see of it, and a test mail to themselves."""

from __future__ import annotations

from typing import Any

import pytest

from deploy.ports import free_block
from services.contracts.errors import Refused
from services.contracts.notifications import channels as contract
from services.notifications.deliveries.breakers import FAILURES
from services.notifications.deliveries.sending import send_next
from tests.integration.notifications.conftest import MARIA, FakeMailServer, Notifications
from tests.integration.notifications.subscriber import Subscriber
from tests.integration.notifications.test_deliveries_sent import request_signature
from tests.integration.notifications.test_webhooks import document_signed, register
from tests.support.in_process import BAYSIDE, a_caller

MANAGER = a_caller("organisation.manage", id=MARIA)


def shown(notifications: Notifications, caller: Any = MANAGER) -> dict[str, Any]:
    listed = notifications.call(contract.list_channels, caller)["items"]
    return {each.pop("channel"): each for each in listed}


def test_a_test_mail_goes_to_the_one_who_asks(notifications: Notifications, mails: FakeMailServer) -> None:
    notifications.call(contract.send_test_mail, MANAGER)
    with pytest.raises(Refused, match="too_many_requests"):
        notifications.call(contract.send_test_mail, MANAGER)
    send_next(notifications.runtime)
    assert (mails.recipients, mails.taken[0]["Subject"]) == (["maria@harbor.example"], "Test mail of Harbor")
    notifications.call(contract.send_test_mail, MANAGER)  # the first has arrived


def test_staff_see_what_is_set_up_and_how_the_newest_messages_went(
    notifications: Notifications, subscriber: Subscriber, mails: FakeMailServer
) -> None:
    register(notifications, subscriber)
    document_signed(notifications)
    while send_next(notifications.runtime):
        continue
    mails.answers = ["550 no", "451 later"]
    for _ in range(2):
        request_signature(notifications)
        send_next(notifications.runtime)
    seen = shown(notifications)
    counts = {name: (each["waiting"], each["sent"], each["failed"]) for name, each in seen.items()}
    assert counts == {"email": (1, 1, 1), "fax": (0, 0, 0), "text": (0, 0, 0), "webhook": (0, 1, 0)}
    assert {name: each["is_set_up"] for name, each in seen.items()} == {
        "email": True,
        "fax": False,
        "text": False,
        "webhook": True,
    }
    assert (seen["email"]["is_encrypted"], seen["fax"]["is_encrypted"]) == (False, None)
    assert seen["email"]["last_sent_at"] is not None
    theirs = shown(notifications, a_caller("organisation.manage", organisation=BAYSIDE))
    assert (theirs["email"]["sent"], theirs["email"]["last_sent_at"]) == (0, None)


@pytest.mark.parametrize(
    ("settings", "encrypted"),
    [
        ({"fax_mail_domain": "fax.example.org"}, False),
        ({"fax_mail_domain": "fax.example.org", "smtp_security": "tls"}, True),
        ({"fax_provider_url": "https://fax.example.org/", "fax_mail_domain": "x.example"}, True),
        ({"fax_provider_url": "http://10.0.0.1/", "smtp_security": "tls"}, False),
    ],
)
def test_whether_faxes_and_text_messages_leave_encrypted_is_shown(
    notifications: Notifications, settings: dict[str, str], encrypted: bool
) -> None:
    vars(notifications.runtime.settings).update(settings)
    assert shown(notifications)["fax"]["is_encrypted"] is encrypted
    assert shown(notifications)["text"]["is_encrypted"] is None
    as_texts = {name.replace("fax", "text"): value for name, value in settings.items()}
    vars(notifications.runtime.settings).update(as_texts)
    assert shown(notifications)["text"]["is_encrypted"] is encrypted


def test_a_channel_that_is_out_of_order_is_shown(notifications: Notifications) -> None:
    notifications.runtime.settings.smtp_port = free_block(1)
    for _ in range(FAILURES):
        assert not shown(notifications)["email"]["is_resting"]
        request_signature(notifications)
        send_next(notifications.runtime)
    assert shown(notifications)["email"]["is_resting"]
