"""Webhooks: what another system is told, how it is signed, where it may be, and that one which hangs holds up no other."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import threading
import time
from typing import Any

import pytest

from services.contracts.errors import Refused
from services.contracts.notifications import deliveries
from services.contracts.notifications import webhooks as contract
from services.contracts.signing import documents as signing
from services.notifications.deliveries.sending import SenderLoop, send_next
from tests.integration.notifications.conftest import MARIA, OLGA, FakeMailServer, Notifications
from tests.integration.notifications.subscriber import Subscriber
from tests.support.eventually import eventually
from tests.support.in_process import BAYSIDE, HARBOR, a_caller

DOCUMENT = {"document_id": "ab" * 16, "recipient_account_id": MARIA, "sender_account_id": OLGA}


def staff(organisation: Any = HARBOR, **more: Any) -> Any:
    proven = {"proven_at": int(time.time())} | more
    return a_caller("organisation.manage", organisation=organisation, **proven)


def register(
    notifications: Notifications, subscriber: Subscriber, path: str = "/hook", **changed: Any
) -> Any:
    caller = changed.pop("caller", staff())
    request = {"name": "Bed board", "url": subscriber.url + path, "events": ["document_signed"]}
    return notifications.call(contract.register_webhook, caller, **(request | changed))


def document_signed(notifications: Notifications, organisation: Any = HARBOR) -> None:
    notifications.deliver(signing.document_signed, DOCUMENT, organisation=organisation)


def send_webhooks(notifications: Notifications) -> None:
    while send_next(notifications.runtime, ("webhook",)):
        continue


def posted(notifications: Notifications) -> Any:
    (row,) = [each for each in notifications.rows() if each.channel == "webhook"]
    return row


def refused(code: str, call: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    assert caught.value.code == code
    return caught.value


def test_a_subscriber_is_told_by_a_signed_message_with_ids_only(
    notifications: Notifications, subscriber: Subscriber
) -> None:
    made = register(notifications, subscriber)
    notifications.deliver(signing.document_declined, DOCUMENT)  # not wanted
    document_signed(notifications)
    send_webhooks(notifications)

    (post,) = subscriber.posts
    said = json.loads(post.body)
    assert (post.path, said["type"], said["data"]) == (
        "/hook",
        "portico.signing.document_signed.v1",
        DOCUMENT,
    )
    # Verified as Standard Webhooks 1.0 tells subscribers to.
    secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
    signed = b".".join(
        [post.headers["webhook-id"].encode(), post.headers["webhook-timestamp"].encode(), post.body]
    )
    expected = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    assert post.headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(post.headers["webhook-timestamp"]) - time.time()) < 60
    row = posted(notifications)
    assert (post.headers["webhook-id"], row.state) == (row.id, "sent")
    (shown,) = notifications.call(contract.list_webhooks, staff())["items"]
    assert (shown["last_state"], shown["last_reason"]) == ("sent", None)
    assert notifications.events(deliveries.delivery_sent) == []  # a webhook is no account


def test_the_secret_is_shown_once_and_is_in_no_table(
    notifications: Notifications, subscriber: Subscriber
) -> None:
    made = register(notifications, subscriber)
    other = notifications.call(contract.rotate_webhook_secret, staff(), webhook_id=made["id"])
    assert other["secret"] != made["secret"]
    assert "secret" not in notifications.call(contract.get_webhook, staff(), webhook_id=made["id"])
    stored = b"".join(path.read_bytes() for path in notifications.folder.glob("notifications.db*"))
    for secret in (made["secret"], other["secret"]):
        raw = secret.removeprefix("whsec_").encode()
        assert raw not in stored
        assert base64.b64decode(raw) not in stored


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (302, "temporary_failure", "redirected"),
        (500, "temporary_failure", "subscriber_refused"),
        (410, "permanent_failure", "subscriber_gone"),
    ],
)
def test_what_a_subscriber_answers_decides(
    notifications: Notifications, subscriber: Subscriber, status: int, state: str, reason: str
) -> None:
    register(notifications, subscriber)
    document_signed(notifications)
    subscriber.statuses = [status]
    send_webhooks(notifications)
    assert (posted(notifications).state, posted(notifications).reason) == (state, reason)
    assert [post.path for post in subscriber.posts] == ["/hook"]  # a redirect is not followed
    (shown,) = notifications.call(contract.list_webhooks, staff())["items"]
    assert (shown["last_state"], shown["last_reason"]) == (state, reason)


def test_a_second_try_has_the_same_id(notifications: Notifications, subscriber: Subscriber) -> None:
    register(notifications, subscriber)
    document_signed(notifications)
    subscriber.statuses = [503]
    send_webhooks(notifications)
    notifications.let_time_pass()
    send_webhooks(notifications)
    first, second = subscriber.posts
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert (first.body, posted(notifications).state) == (second.body, "sent")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x",
        "https://user:pass@example.org/",
        "ftp://x",
        "https://x/#y",
        "https://10.1.2.3/x",
    ],
)
def test_messages_go_to_encrypted_addresses_of_the_internet_only(
    notifications: Notifications, subscriber: Subscriber, url: str
) -> None:
    refusal = refused("webhook_address_refused", lambda: register(notifications, subscriber, url=url))
    assert refusal.field == "url"
    made = register(notifications, subscriber)
    changed = {"webhook_id": made["id"], "name": "x", "events": ["document_signed"], "url": url}
    refused(
        "webhook_address_refused",
        lambda: notifications.call(contract.change_webhook, staff(), version=1, **changed),
    )


def test_an_address_in_our_own_network_is_not_connected_to(
    notifications: Notifications, subscriber: Subscriber
) -> None:
    """Nor one whose name leads there: the address that was checked is the one that is connected to."""
    register(notifications, subscriber)
    named = subscriber.url.replace("127.0.0.1", "localhost")
    register(notifications, subscriber, url=f"{named}/named")
    notifications.runtime.settings.webhook_networks = ()
    refused("webhook_address_refused", lambda: register(notifications, subscriber))
    document_signed(notifications)
    send_webhooks(notifications)
    outcomes = {(each.state, each.reason) for each in notifications.rows() if each.channel == "webhook"}
    assert (outcomes, subscriber.posts) == ({("temporary_failure", "address_not_allowed")}, [])


def test_a_new_address_needs_a_fresh_proof(notifications: Notifications, subscriber: Subscriber) -> None:
    old = staff(proven_at=int(time.time()) - 3600)
    made = register(notifications, subscriber)
    same = {"webhook_id": made["id"], "events": ["document_signed"], "url": subscriber.url + "/hook"}
    refused("proof_required", lambda: register(notifications, subscriber, caller=old))
    refused(
        "proof_required",
        lambda: notifications.call(contract.rotate_webhook_secret, old, webhook_id=made["id"]),
    )
    changed = notifications.call(contract.change_webhook, old, version=1, name="Renamed", **same)
    assert changed["name"] == "Renamed"
    moved = same | {"url": subscriber.url + "/other"}
    refused(
        "proof_required",
        lambda: notifications.call(contract.change_webhook, old, version=2, name="Moved", **moved),
    )


@pytest.mark.parametrize("notifications", ["sqlite", "postgresql"], indirect=True)
def test_an_organisation_has_at_most_so_many_webhooks_also_when_two_register_at_once(
    notifications: Notifications, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifications.webhooks.handlers.MOST", 5)
    answers: list[str] = []

    def try_it() -> None:
        try:
            register(notifications, subscriber)
            answers.append("registered")
        except Refused as refusal:
            answers.append(refusal.code)

    racing = [threading.Thread(target=try_it) for _ in range(9)]
    for each in racing:
        each.start()
    for each in racing:
        each.join(60)
    assert sorted(answers) == ["registered"] * 5 + ["webhook_limit_reached"] * 4
    register(notifications, subscriber, caller=staff(BAYSIDE))  # the others' are counted apart


def test_a_paused_webhook_gets_no_new_message(notifications: Notifications, subscriber: Subscriber) -> None:
    made = register(notifications, subscriber)
    request = {"webhook_id": made["id"], "name": "x", "events": ["document_signed"], "url": made["url"]}
    paused = notifications.call(contract.change_webhook, staff(), version=1, is_paused=True, **request)
    document_signed(notifications)
    refused(
        "webhook_paused", lambda: notifications.call(contract.test_webhook, staff(), webhook_id=made["id"])
    )
    send_webhooks(notifications)
    assert (paused["is_paused"], subscriber.posts) == (True, [])


def test_a_test_message_is_sent_and_its_outcome_shown(
    notifications: Notifications, subscriber: Subscriber
) -> None:
    made = register(notifications, subscriber)
    for caller in (staff(), staff(id="d" * 32)):  # two who use the same request id
        notifications.call(contract.test_webhook, caller, key="test", webhook_id=made["id"])
    send_webhooks(notifications)
    post, _ = subscriber.posts
    assert json.loads(post.body) | {"timestamp": ""} == {"type": "portico.test", "timestamp": "", "data": {}}
    assert notifications.call(contract.get_webhook, staff(), webhook_id=made["id"])["last_state"] == "sent"


def test_what_waits_for_a_removed_webhook_is_cancelled(
    notifications: Notifications, subscriber: Subscriber
) -> None:
    made = register(notifications, subscriber)
    document_signed(notifications)
    notifications.call(contract.remove_webhook, staff(), version=1, webhook_id=made["id"])
    send_webhooks(notifications)
    assert (posted(notifications).state, posted(notifications).reason) == ("cancelled", "webhook_removed")
    assert notifications.call(contract.list_webhooks, staff())["items"] == subscriber.posts == []


def test_a_subscriber_that_hangs_holds_up_no_other_subscriber_channel_or_organisation(
    notifications: Notifications, subscriber: Subscriber, mails: FakeMailServer
) -> None:
    subscriber.hanging = {"/hangs"}
    register(notifications, subscriber, "/hangs")
    register(notifications, subscriber, "/works")
    register(notifications, subscriber, "/theirs", caller=staff(BAYSIDE))
    for _ in range(6):  # more than there are senders
        document_signed(notifications)
    document_signed(notifications, BAYSIDE)
    loops = [SenderLoop(notifications.runtime, (channel,)) for channel in ("email", "webhook", "webhook")]
    notifications.runtime.loops.extend(loops)
    for loop in loops:
        loop.start()
    try:

        def others_flow() -> None:
            paths = [post.path for post in subscriber.posts]
            assert (paths.count("/works"), paths.count("/theirs"), len(mails.taken)) == (6, 1, 7)
            # Only the messages to the one that hangs wait.
            assert sum(each.state != "sent" for each in notifications.rows()) == 6

        eventually(others_flow)
    finally:
        subscriber.let_go.set()
        for loop in loops:
            loop.stop()


def test_a_subscriber_that_fails_is_left_alone_for_a_while(
    notifications: Notifications, subscriber: Subscriber
) -> None:
    register(notifications, subscriber)
    register(notifications, subscriber, "/works")
    subscriber.failing = {"/hook"}
    for _ in range(8):
        document_signed(notifications)
    send_webhooks(notifications)
    paths = [post.path for post in subscriber.posts]
    assert (paths.count("/hook"), paths.count("/works")) == (5, 8)
    waiting = [each for each in notifications.rows() if each.channel == "webhook" and each.state == "created"]
    assert [each.tries for each in waiting] == [0, 0, 0]  # they wait without using up their tries
    assert datetime.datetime.now(datetime.UTC) >= waiting[0].next_try_at
