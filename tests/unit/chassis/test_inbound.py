"""What becomes of a message: it is acknowledged only once its effect or a copy of it is safe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from services.chassis import inbound as inbound_module
from services.chassis import wire
from services.chassis.events import RETRY_AFTER_S, TRIES, IncomingEvent, Listens, retry_exchange
from services.chassis.inbound import MOST_PROPERTIES_KEPT, Inbound
from services.chassis.publisher import Outgoing
from services.contracts.errors import Refused
from tests.support import toy

QUEUE = "toy.on_thing_added"
NOT_CONFIRMED = ("unroutable", "refused", "unknown")


class Message:
    """A message of the broker, which remembers what was told to the broker about it."""

    def __init__(
        self, body: bytes = b"{}", headers: dict[str, Any] | None = None, raw: bytes = b"raw"
    ) -> None:
        self.body = body
        self.headers = headers or {}
        self.properties: dict[str, Any] = {"content_type": wire.CLOUDEVENTS_JSON, "message_id": "m1"}
        self.raw_properties = raw
        self.unreadable: str | None = None
        self.delivery_info = {"routing_key": "thing_added.v1.harbor"}
        self.delivery_tag = 7
        self.channel = self
        self.fate: str | None = None

    def basic_ack(self, tag: int) -> None:
        assert (tag, self.fate) == (7, None)
        self.fate = "acknowledged"

    def basic_reject(self, tag: int, *, requeue: bool) -> None:
        assert (tag, self.fate, requeue) == (7, None, True)
        self.fate = "given back"


class Publisher:
    """Publishes with the outcomes that the test sets; the last one lasts."""

    def __init__(self) -> None:
        self.outcomes = ["confirmed"]
        self.sent: list[Outgoing] = []

    def send_all(self, messages: Sequence[Outgoing]) -> None:
        for message in messages:
            message.outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
            self.sent.append(message)


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def inbound(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> Inbound:
    monkeypatch.setattr(inbound_module.time, "sleep", lambda _seconds: None)
    inbound = Inbound()
    inbound.runtime = SimpleNamespace(service="toy", publisher=publisher)
    return inbound


def test_the_original_goes_when_its_copy_is_confirmed(inbound: Inbound, publisher: Publisher) -> None:
    message = Message(b"body")
    assert inbound.pass_on(message, "there", "key", {"a": 1})
    assert message.fate == "acknowledged"
    (copy,) = publisher.sent
    assert (copy.exchange, copy.routing_key, copy.body, copy.headers) == ("there", "key", b"body", {"a": 1})


@pytest.mark.parametrize("outcome", NOT_CONFIRMED)
def test_the_original_stays_when_its_copy_is_not_confirmed(
    inbound: Inbound, publisher: Publisher, outcome: str
) -> None:
    publisher.outcomes = [outcome]
    message = Message()
    assert not inbound.pass_on(message, "there", "key", {})
    assert message.fate == "given back"


@pytest.mark.parametrize(
    ("outcome", "fate"),
    [
        ("confirmed", "acknowledged"),
        ("refused", "acknowledged"),
        ("unroutable", "acknowledged"),
        ("unknown", "given back"),
    ],
)
def test_a_call_that_cannot_be_answered_is_kept_only_while_the_broker_does_not_answer(
    inbound: Inbound, publisher: Publisher, outcome: str, fate: str
) -> None:
    publisher.outcomes = [outcome]
    message = Message()
    inbound.park(message, "no_reply_to")
    assert message.fate == fate
    assert publisher.sent[0].headers["portico-reason"] == "no_reply_to"


@pytest.mark.parametrize("outcome", NOT_CONFIRMED)
def test_an_event_that_cannot_be_parked_is_neither_acknowledged_nor_given_back(
    inbound: Inbound, publisher: Publisher, outcome: str
) -> None:
    publisher.outcomes = [outcome]
    message = Message()
    assert not inbound.park_event(message, "failed", QUEUE)
    assert message.fate is None


@pytest.mark.parametrize(
    ("size", "are_kept"), [(MOST_PROPERTIES_KEPT, True), (MOST_PROPERTIES_KEPT + 1, False)]
)
def test_properties_are_parked_up_to_a_limit(
    inbound: Inbound, publisher: Publisher, size: int, are_kept: bool
) -> None:
    inbound.park_event(Message(raw=b"x" * size), "failed", QUEUE)
    assert ("portico-properties" in publisher.sent[0].headers) is are_kept


def test_a_service_that_drains_takes_no_message(inbound: Inbound) -> None:
    taken = []
    inbound.listen(QUEUE, SimpleNamespace(take=taken.append))
    inbound._on_event(QUEUE, "first")
    inbound.drain()
    inbound._on_event(QUEUE, "second")
    assert taken == ["first"]


class Listener:
    """The entrypoint of `thing_added` with a handler of the test."""

    def __init__(self, inbound: Inbound, publisher: Publisher) -> None:
        self.entrypoint = Listens(toy.thing_added)
        self.entrypoint.inbound = inbound
        self.entrypoint.runtime = inbound.runtime
        self.entrypoint.queue = QUEUE
        self.entrypoint.method_name = "on_thing_added"
        self._publisher = publisher
        self.handled: list[IncomingEvent] = []
        self.error: Exception | None = None

    def deliver(self, message: Message) -> str:
        """Deliver a message. Returns where a copy went, and what became of the original."""
        self.entrypoint.perform(self, self._handle, message)
        copies = [copy.exchange or copy.routing_key for copy in self._publisher.sent]
        return f"{' '.join(copies) or 'no copy'}, {message.fate}"

    def _handle(self, _service: Any, incoming: IncomingEvent) -> None:
        self.handled.append(incoming)
        if self.error:
            raise self.error


@pytest.fixture
def listener(inbound: Inbound, publisher: Publisher) -> Listener:
    return Listener(inbound, publisher)


def an_event(**more: Any) -> bytes:
    """The body of an event as the relay publishes it, with members changed; None removes one."""
    envelope = {
        "id": "e" * 32,
        "type": toy.thing_added.type,
        "subject": "t" * 32,
        "organisation": "a" * 32,
        "organisationkey": "harbor",
        "correlationid": "because",
        "data": {"thing_id": "c" * 32},
        **more,
    }
    return orjson.dumps({name: value for name, value in envelope.items() if value is not None})


def test_an_event_that_was_handled_is_acknowledged(listener: Listener) -> None:
    assert listener.deliver(Message(an_event())) == "no copy, acknowledged"
    (incoming,) = listener.handled
    assert (incoming.data, incoming.context.correlation_id) == ({"thing_id": "c" * 32}, "because")


def test_members_that_a_newer_release_adds_are_passed_over(listener: Listener) -> None:
    body = an_event(data={"thing_id": "c" * 32, "colour": "red"}, newmember="x")
    assert listener.deliver(Message(body)) == "no copy, acknowledged"
    assert listener.handled[0].data == {"thing_id": "c" * 32}


@pytest.mark.parametrize("tries", range(len(RETRY_AFTER_S)))
def test_a_failed_event_waits_longer_each_time(listener: Listener, publisher: Publisher, tries: int) -> None:
    listener.error = Refused("service_unavailable", "x")
    told = listener.deliver(Message(an_event(), {TRIES: tries} if tries else None))
    assert told == f"{retry_exchange(RETRY_AFTER_S[tries])}, acknowledged"
    assert (publisher.sent[0].headers, publisher.sent[0].routing_key) == ({TRIES: tries + 1}, QUEUE)


def test_after_its_last_try_an_event_is_parked(listener: Listener) -> None:
    listener.error = RuntimeError()
    assert (
        listener.deliver(Message(an_event(), {TRIES: len(RETRY_AFTER_S)}))
        == f"{wire.PARKING_QUEUE}, acknowledged"
    )


@pytest.mark.parametrize("tries", [-1, -5, len(RETRY_AFTER_S) + 1, "2", 1.0, True, None, [1]])
def test_tries_that_nobody_of_ours_wrote_count_as_never(listener: Listener, tries: Any) -> None:
    listener.error = RuntimeError()
    told = listener.deliver(Message(an_event(), {TRIES: tries}))
    assert told == f"{retry_exchange(RETRY_AFTER_S[0])}, acknowledged"


@pytest.mark.parametrize(("outcome"), NOT_CONFIRMED)
def test_an_event_whose_retry_is_not_confirmed_is_given_back(
    listener: Listener, publisher: Publisher, outcome: str
) -> None:
    publisher.outcomes = [outcome]
    listener.error = RuntimeError()
    assert listener.deliver(Message(an_event())) == f"{retry_exchange(RETRY_AFTER_S[0])}, given back"


def test_while_the_parking_queue_is_full_an_event_is_tried_again_later(
    listener: Listener, publisher: Publisher
) -> None:
    publisher.outcomes = ["refused", "confirmed"]
    told = listener.deliver(Message(b"junk"))
    assert told == f"{wire.PARKING_QUEUE} {retry_exchange(RETRY_AFTER_S[-1])}, acknowledged"


@pytest.mark.parametrize(
    "change",
    [
        {"type": "thing_added.v2"},
        {"type": None},
        {"id": None},
        {"id": "e" * 65},
        {"id": "with space"},
        {"id": 7},
        {"subject": None},
        {"organisation": None},
        {"organisation": ["a"]},
        {"organisationkey": None},
        {"data": None},
        {"data": {}},
        {"data": {"thing_id": "no id"}},
        {"data": []},
    ],
)
def test_an_event_that_cannot_be_read_is_parked_and_not_handled(
    listener: Listener, change: dict[str, Any]
) -> None:
    assert listener.deliver(Message(an_event(**change))) == f"{wire.PARKING_QUEUE}, acknowledged"
    assert listener.handled == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda message: setattr(message, "unreadable", "header_depth"),
        lambda message: message.properties.update(content_type="text/plain"),
        lambda message: setattr(message, "body", b"[]"),
        lambda message: setattr(message, "body", b"{"),
    ],
)
def test_a_message_that_is_no_event_is_parked(listener: Listener, spoil: Callable[[Message], Any]) -> None:
    message = Message(an_event())
    spoil(message)
    assert listener.deliver(message) == f"{wire.PARKING_QUEUE}, acknowledged"
    assert listener.handled == []


@pytest.mark.parametrize("name", ["correlationid", "traceparent"])
@pytest.mark.parametrize("value", ["two words", "x" * 200, 7, None])
def test_what_others_wrote_as_cause_does_not_reach_the_log(listener: Listener, name: str, value: Any) -> None:
    listener.deliver(Message(an_event(**{name: value})))
    context = listener.handled[0].context
    assert context.correlation_id in ("because", "e" * 32)
    assert context.traceparent is None
