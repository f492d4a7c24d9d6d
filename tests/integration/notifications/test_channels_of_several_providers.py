"""Several providers of a channel: one that is out of order is left out, and no message goes out twice for that (N-7)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from deploy.ports import free_block
from services.chassis.unit_of_work import utc_now
from services.contracts.errors import Refused
from services.contracts.identity import credentials
from services.contracts.notifications import channels as contract
from services.notifications.deliveries import sending
from services.notifications.deliveries.breakers import FAILURES
from services.notifications.deliveries.sending import send_next
from services.notifications.deliveries.traffic import traffic_of
from tests.integration.notifications.conftest import MARIA, FakeMailServer, Notifications
from tests.integration.notifications.subscriber import Subscriber
from tests.integration.notifications.test_channels import MANAGER
from tests.integration.notifications.test_deliveries_sent import ask_for_fax, request_signature


@pytest.fixture
def second() -> Iterator[Subscriber]:
    found = Subscriber()
    yield found
    found.close()


def host(subscriber: Subscriber) -> str:
    return subscriber.url.removeprefix("http://")


@pytest.fixture
def two(notifications: Notifications, subscriber: Subscriber, second: Subscriber) -> Notifications:
    """Faxes go to two providers; the first is chosen while it is not left alone."""
    settings = notifications.runtime.settings
    settings.fax_provider_url = f"{subscriber.url}/faxes, {second.url}/faxes"
    settings.fax_provider_key = "first-key, second-key"
    traffic_of(notifications.runtime).providers._draw = lambda: 0.0
    return notifications


def send(notifications: Notifications) -> Any:
    """Try the fax once, now; its row."""
    notifications.let_time_pass()
    assert send_next(notifications.runtime)
    return notifications.row()


def test_each_provider_gets_its_own_key(
    two: Notifications, subscriber: Subscriber, second: Subscriber
) -> None:
    ask_for_fax(two)
    subscriber.statuses = [503]
    row = send(two)
    assert [post.headers["Authorization"] for post in (*subscriber.posts, *second.posts)] == [
        "Bearer first-key",
        "Bearer second-key",
    ]
    assert (row.state, row.provider, row.tries) == ("sent", host(second), 1)


def test_where_a_provider_cannot_be_reached_the_next_has_the_message_at_once(
    two: Notifications, second: Subscriber
) -> None:
    settings = two.runtime.settings
    settings.fax_provider_url = f"http://127.0.0.1:{free_block(1)}/faxes, {second.url}/faxes"
    ask_for_fax(two)
    row = send(two)
    assert (row.state, row.provider, len(second.posts)) == ("sent", host(second), 1)


def test_a_provider_that_may_have_taken_a_message_keeps_it(
    two: Notifications, subscriber: Subscriber, second: Subscriber
) -> None:
    ask_for_fax(two)
    subscriber.statuses = [500, 500]
    traffic_of(two.runtime).providers._draw = lambda: 0.0
    for _ in range(2):
        row = send(two)
        assert (row.state, row.reason, row.provider) == (
            "temporary_failure",
            "provider_busy",
            host(subscriber),
        )
        traffic_of(two.runtime).providers._draw = lambda: 0.99  # another message would go to the second
    row = send(two)
    assert (row.state, row.tries) == ("sent", 3)
    assert (len(subscriber.posts), second.posts) == (3, [])
    assert len({post.headers["Idempotency-Key"] for post in subscriber.posts}) == 1


def test_a_process_that_died_while_it_handed_a_message_over_gives_it_to_nobody_else(
    two: Notifications, subscriber: Subscriber, second: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_for_fax(two)
    with monkeypatch.context() as dying:
        dying.setattr("services.notifications.deliveries.sending._settle", lambda *_: None)
        send(two)
    assert (two.row().state, two.row().provider) == ("sending", host(subscriber))
    traffic_of(two.runtime).providers._draw = lambda: 0.99
    assert send(two).state == "sent"
    assert (len(subscriber.posts), second.posts) == (2, [])


def test_a_message_waits_for_the_provider_that_may_have_it(
    two: Notifications, subscriber: Subscriber, second: Subscriber
) -> None:
    ask_for_fax(two)
    subscriber.statuses = [500]
    send(two)
    providers = traffic_of(two.runtime).providers
    for _ in range(FAILURES):
        providers.end("fax", host(subscriber), 0.1, is_outage=True)
    row = send(two)
    assert (row.state, row.reason, row.tries, second.posts) == ("created", "provider_rests", 1, [])
    two.runtime.settings.fax_provider_url = f"http://127.0.0.1:{free_block(1)}/faxes, {second.url}/faxes"
    row = send(two)
    assert (row.state, row.reason, second.posts) == ("temporary_failure", "provider_gone", [])


def test_a_message_that_a_provider_refuses_is_offered_to_no_other(
    two: Notifications, subscriber: Subscriber, second: Subscriber
) -> None:
    ask_for_fax(two)
    subscriber.statuses = [422]
    assert (send(two).state, second.posts) == ("permanent_failure", [])


def test_staff_see_the_share_of_each(two: Notifications, subscriber: Subscriber, second: Subscriber) -> None:
    def shares() -> list[tuple[str, int]]:
        listed = two.call(contract.list_channels, MANAGER)["items"]
        (fax,) = [each for each in listed if each["channel"] == "fax"]
        return [(each["name"], each["share"]) for each in fax["providers"]]

    assert shares() == [(host(subscriber), 50), (host(second), 50)]
    subscriber.statuses = [503]
    ask_for_fax(two)
    send(two)
    assert shares() == [(host(subscriber), 33), (host(second), 67)]
    for _ in range(FAILURES):
        traffic_of(two.runtime).providers.end("fax", host(subscriber), 0.1, is_outage=True)
    assert shares() == [(host(subscriber), 0), (host(second), 100)]


@pytest.fixture
def second_mails() -> Iterator[tuple[FakeMailServer, int]]:
    server = FakeMailServer()
    controller = Controller(server, hostname="127.0.0.1", port=free_block(1))
    controller.start()
    yield server, controller.port
    controller.stop()


def test_of_several_mail_servers_the_next_has_what_the_first_has_not_taken(
    notifications: Notifications, mails: FakeMailServer, second_mails: tuple[FakeMailServer, int]
) -> None:
    others, port = second_mails
    notifications.runtime.settings.smtp_host = f"127.0.0.1:{free_block(1)}, 127.0.0.1:{port}"
    traffic_of(notifications.runtime).providers._draw = lambda: 0.0
    request_signature(notifications)
    row = send(notifications)
    assert (row.state, row.provider, row.tries) == ("sent", f"127.0.0.1:{port}", 1)
    assert (len(others.taken), mails.taken) == (1, [])


def test_a_mail_server_that_hung_up_after_the_message_keeps_it(
    notifications: Notifications, mails: FakeMailServer, second_mails: tuple[FakeMailServer, int]
) -> None:
    others, port = second_mails
    first = notifications.runtime.settings.smtp_port
    notifications.runtime.settings.smtp_host = f"127.0.0.1, 127.0.0.1:{port}"
    providers = traffic_of(notifications.runtime).providers
    providers._draw = lambda: 0.0
    mails.hangs_up = True
    request_signature(notifications)
    row = send(notifications)
    assert (row.state, row.provider) == ("temporary_failure", f"127.0.0.1:{first}")
    mails.hangs_up = False
    providers._draw = lambda: 0.99
    assert send(notifications).state == "sent"
    assert (len(mails.taken), others.taken) == (2, [])
    assert len({mail["Message-ID"] for mail in mails.taken}) == 1


def rest(notifications: Notifications, channel: str, *names: str) -> None:
    """Leave these providers alone for a while."""
    for name in names:
        for _ in range(FAILURES):
            traffic_of(notifications.runtime).providers.end(channel, name, 0.1, is_outage=True)


def invite(notifications: Notifications) -> None:
    data = {"invitation_id": "7" * 32, "account_id": MARIA, "purpose": "invitation"}
    notifications.deliver(credentials.account_invited, data)


def test_while_all_providers_rest_no_message_is_taken_up(
    two: Notifications, subscriber: Subscriber, second: Subscriber
) -> None:
    ask_for_fax(two)
    rest(two, "fax", host(subscriber))
    assert traffic_of(two.runtime).resting(("fax",)) == ()
    rest(two, "fax", host(second))
    assert traffic_of(two.runtime).resting(("email", "fax")) == ("fax",)
    two.let_time_pass()
    assert not send_next(two.runtime)
    assert (two.row().state, two.row().reason) == ("created", None)


def test_a_mail_that_waits_for_its_server_makes_no_new_link_and_no_entry_in_the_trail(
    notifications: Notifications, mails: FakeMailServer, second_mails: tuple[FakeMailServer, int]
) -> None:
    others, port = second_mails
    first = f"127.0.0.1:{notifications.runtime.settings.smtp_port}"
    notifications.runtime.settings.smtp_host = f"127.0.0.1, 127.0.0.1:{port}"
    traffic_of(notifications.runtime).providers._draw = lambda: 0.0
    invite(notifications)
    mails.hangs_up = True
    assert send(notifications).provider == first
    rest(notifications, "email", first)
    for _ in range(2):
        row = send(notifications)
        assert (row.state, row.reason, row.tries) == ("created", "provider_rests", 1)
    assert (notifications.identity.minted, others.taken) == (1, [])
    assert [each.action for each in notifications.audit() if each.object_id == row.id] == [
        "delivery.created",
        "delivery.temporary_failure",
    ]


def test_a_composed_message_is_handed_over_though_all_providers_have_begun_to_rest(
    two: Notifications, subscriber: Subscriber, second: Subscriber
) -> None:
    ask_for_fax(two)
    describe = two.answers["signing.describe_fax"]

    def slow(request: Any) -> Any:
        rest(two, "fax", host(second))
        rest(two, "fax", host(subscriber))
        return describe(request)

    two.answers["signing.describe_fax"] = slow
    assert (send(two).state, len(second.posts), subscriber.posts) == ("sent", 1, [])


def test_where_the_others_rest_the_failure_of_the_first_counts(
    two: Notifications, subscriber: Subscriber, second: Subscriber
) -> None:
    ask_for_fax(two)
    rest(two, "fax", host(second))
    subscriber.statuses = [503]
    row = send(two)
    assert (row.state, row.reason, row.provider, row.tries) == ("temporary_failure", "provider_busy", None, 1)
    assert second.posts == []


def test_a_sender_whose_lease_another_has_taken_over_gives_the_message_up(
    two: Notifications, subscriber: Subscriber, second: Subscriber
) -> None:
    ask_for_fax(two)
    describe = two.answers["signing.describe_fax"]

    def slow(request: Any) -> Any:
        two.answers["signing.describe_fax"] = describe
        send(two)  # the lease has ended: another sender
        return describe(request)

    two.answers["signing.describe_fax"] = slow
    traffic_of(two.runtime).providers._draw = lambda: 0.99
    claimed = sending._claim(two.runtime)
    assert claimed is not None
    second.statuses = [500]
    assert sending._send(two.runtime, claimed, ()) is None
    row = two.row()
    assert (row.state, row.reason, row.provider, row.tries) == (
        "temporary_failure",
        "provider_busy",
        host(second),
        2,
    )
    assert (subscriber.posts, len(second.posts)) == ([], 1)


def test_a_provider_that_could_not_be_noted_does_not_get_the_message_nor_keeps_it(
    two: Notifications, subscriber: Subscriber, second: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_for_fax(two)
    claimed = sending._claim(two.runtime)
    assert claimed is not None

    def busy(*_: Any) -> None:
        raise Refused("service_unavailable", "")

    with monkeypatch.context() as refusing:
        refusing.setattr(two.runtime.database, "write", busy)
        outcome = sending._try(two.runtime, claimed)
    assert (outcome.state, outcome.reason) == ("temporary_failure", "service_unavailable")
    assert (claimed.provider, subscriber.posts, second.posts) == (None, [], [])


def test_no_further_provider_is_begun_with_shortly_before_the_lease_ends(
    two: Notifications, subscriber: Subscriber, second: Subscriber
) -> None:
    ask_for_fax(two)
    claimed = sending._claim(two.runtime)
    assert claimed is not None
    claimed.next_try_at = utc_now() + datetime.timedelta(seconds=5)
    subscriber.statuses = [503]
    outcome = sending._try(two.runtime, claimed)
    assert (outcome.state, outcome.reason, claimed.provider) == ("temporary_failure", "provider_busy", None)
    assert (len(subscriber.posts), second.posts) == (1, [])
