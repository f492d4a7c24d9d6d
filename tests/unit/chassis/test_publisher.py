"""What the broker answers about published messages reaches the right one, and nobody waits for an answer that cannot come."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from services.chassis import publisher as module
from services.chassis.publisher import Outgoing, Publisher


class Broker:
    """Stands in for the link and its channel. `answer(tag)` says what the broker does after the message with this tag."""

    def __init__(self) -> None:
        self.is_open = threading.Event()
        self.is_blocked = False
        self.confirms = False
        self.renewals = 0
        self.published: list[Any] = []
        self.events: dict[str, set[Callable[..., None]]] = {
            "basic_ack": set(),
            "basic_nack": set(),
            "basic_return": set(),
        }
        self.answer: Callable[[int], None] = lambda _tag: None

    def connect(self, publisher: Publisher) -> None:
        """A new channel, whose tags begin at one."""
        self.published.clear()
        self.confirms = False
        publisher._open(SimpleNamespace(channel=lambda: self))
        self.is_open.set()

    def confirm_select(self) -> None:
        self.confirms = True

    def start(self) -> None:
        self.is_open.set()

    def close(self) -> None:
        self.is_open.clear()

    def renew(self) -> None:
        self.renewals += 1

    def publish(self, _channel: Any, *_: Any, message_id: str, **more: Any) -> None:
        self.published.append(message_id)
        assert (more["mandatory"], more["delivery_mode"]) == (True, 2)
        if not self.confirms:
            return  # a broker acknowledges only in confirm mode
        # An answer comes in another thread, after the write.
        tag = len(self.published)
        threading.Thread(target=self.answer, args=(tag,)).start()

    def say(self, event: str, *arguments: Any) -> None:
        for listener in list(self.events[event]):
            listener(*arguments)

    def returns(self, message_id: str) -> None:
        self.say(
            "basic_return", None, "exchange", "key", SimpleNamespace(properties={"message_id": message_id})
        )


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    broker = Broker()
    monkeypatch.setattr(module, "Link", lambda *_: broker)
    monkeypatch.setattr(module, "publish", broker.publish)
    return broker


@pytest.fixture
def publisher(broker: Broker) -> Publisher:
    publisher = Publisher("amqp://nowhere", "toy")
    broker.connect(publisher)
    return publisher


def test_the_link_is_opened_and_closed_with_the_publisher(broker: Broker) -> None:
    publisher = Publisher("amqp://nowhere", "toy")
    assert not publisher.is_connected
    publisher.start()
    assert publisher.is_connected
    broker.is_blocked = True
    assert not publisher.is_connected
    broker.is_blocked = False
    publisher.close()
    assert not publisher.is_connected


def outcomes(publisher: Publisher, *ids: str, timeout_s: float = 5.0) -> list[str]:
    """What becomes of messages with these ids, sent together."""
    messages = [Outgoing("exchange", "key", b"{}", each, "application/json") for each in ids]
    publisher.send_all(messages, timeout_s)
    assert publisher._waiting == {}
    return [message.outcome for message in messages]


def test_an_answer_about_several_messages_settles_those_up_to_its_tag(broker: Broker, publisher: Publisher):
    def answer(tag: int) -> None:
        if tag == 4:
            broker.say("basic_nack", 2, True)
            broker.say("basic_ack", 4, False)
            broker.say("basic_ack", 3, False)

    broker.answer = answer

    assert outcomes(publisher, "a", "b", "c", "d") == ["refused", "refused", "confirmed", "confirmed"]


def test_a_message_that_came_back_stays_unroutable_although_the_broker_confirms_it(
    broker: Broker, publisher: Publisher
):
    def answer(tag: int) -> None:
        if tag == 2:
            broker.returns("a")
            broker.say("basic_ack", 2, True)

    broker.answer = answer

    assert outcomes(publisher, "a", "b") == ["unroutable", "confirmed"]


def test_who_waits_is_woken_by_the_answer_and_not_by_the_end_of_the_time(
    broker: Broker, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
):
    is_waiting = threading.Event()
    wait = publisher._settled.wait

    def waiting(timeout_s: float) -> bool:
        is_waiting.set()  # the lock is held until it waits
        return wait(timeout_s)

    monkeypatch.setattr(publisher._settled, "wait", waiting)

    def answer(tag: int) -> None:
        is_waiting.wait(10.0)
        broker.say("basic_ack", tag, False)

    broker.answer = answer
    began = time.monotonic()
    assert outcomes(publisher, "a", timeout_s=40.0) == ["confirmed"]
    assert time.monotonic() - began < 20.0


def test_an_answer_to_nothing_settles_nothing(broker: Broker, publisher: Publisher):
    broker.returns("a")
    broker.say("basic_ack", 7, False)

    assert outcomes(publisher, "a", timeout_s=0.05) == ["unknown"]


def test_what_was_sent_before_a_failure_is_waited_for(
    broker: Broker, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
):
    def publish(*arguments: Any, message_id: str, **more: Any) -> None:
        if message_id == "b":
            raise ConnectionError
        broker.publish(*arguments, message_id=message_id, **more)

    monkeypatch.setattr(module, "publish", publish)
    broker.answer = lambda tag: broker.say("basic_ack", tag, False)

    assert outcomes(publisher, "a", "b", "c") == ["confirmed", "unknown", "unknown"]


def test_a_lost_link_ends_the_wait_and_its_tags_mean_nothing_on_the_next(
    broker: Broker, publisher: Publisher
):
    broker.answer = lambda _tag: publisher._lost()
    assert outcomes(publisher, "a", timeout_s=60.0) == ["unknown"]
    assert publisher._channel is None

    broker.connect(publisher)
    broker.answer = lambda tag: broker.say("basic_ack", tag, False)
    assert outcomes(publisher, "b") == ["confirmed"]


@pytest.mark.parametrize(
    ("answers", "is_blocked", "renewals"), [(True, False, 0), (False, False, 1), (False, True, 0)]
)
def test_a_link_over_which_the_broker_does_not_answer_is_given_up(
    broker: Broker, publisher: Publisher, answers: bool, is_blocked: bool, renewals: int
):
    """Not one that the broker blocks: it tells when it takes messages again."""
    broker.is_blocked = is_blocked
    if answers:
        broker.answer = lambda tag: broker.say("basic_ack", tag, False)

    outcomes(publisher, "a", "b", timeout_s=5.0 if answers else 0.05)

    assert broker.renewals == renewals


def test_a_link_that_was_lost_meanwhile_is_not_given_up(broker: Broker, publisher: Publisher):
    broker.answer = lambda _tag: publisher._lost()
    outcomes(publisher, "a", timeout_s=60.0)
    assert broker.renewals == 0


def test_without_a_link_nothing_is_sent(broker: Broker, publisher: Publisher):
    broker.is_open.clear()

    assert outcomes(publisher, "a", timeout_s=0.01) == ["unknown"]
    assert broker.published == []


@pytest.mark.parametrize(
    ("is_open", "is_blocked", "is_connected"),
    [(True, False, True), (True, True, False), (False, False, False)],
)
def test_a_broker_that_is_away_or_short_of_memory_takes_no_messages(
    broker: Broker, publisher: Publisher, is_open: bool, is_blocked: bool, is_connected: bool
):
    broker.is_blocked = is_blocked
    if not is_open:
        broker.is_open.clear()

    assert publisher.is_connected is is_connected
