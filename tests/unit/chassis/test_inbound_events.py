"""What becomes of an event: handled, tried again later, or parked; never lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from services.chassis import wire
from services.chassis.events import RETRY_AFTER_S, TRIES, IncomingEvent, Listens, retry_exchange
from services.chassis.inbound import Inbound
from services.contracts.errors import Refused
from tests.support import toy
from tests.support.inbound import NOT_CONFIRMED, QUEUE, Message, Publisher
from tests.support.recorder import recorded


def test_an_entrypoint_of_an_event_bears_its_name() -> None:
    entrypoint = Listens(toy.thing_added)
    entrypoint.method_name = "on_other_thing"
    with pytest.raises(ValueError, match="its name is on_thing_added"):
        entrypoint.setup()


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


@pytest.mark.parametrize(("error", "ended"), [(None, ("ok", False)), (RuntimeError(), ("delayed", True))])
def test_a_handler_is_a_span_of_the_trace_and_the_parent_of_what_it_does(
    listener: Listener, error: Exception | None, ended: tuple[str, bool]
) -> None:
    listener.error = error
    before = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    with recorded() as spans:
        listener.deliver(Message(an_event(traceparent=before)))
    (span,) = spans
    assert (span.kind, span.name, span.parent, span.ends) == ("consumer", QUEUE, before, [ended])
    assert [each.context.traceparent for each in listener.handled] == [span.traceparent]


def test_what_cannot_be_read_is_no_span(listener: Listener) -> None:
    with recorded() as spans:
        listener.deliver(Message(b"junk"))
    assert spans == []


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("clientreference", "order-17", ("order-17", None)),
        ("clientreference", "Maria.Quill", (None, None)),
        ("clientreference", "a" * 100 + "1", (None, None)),
        ("clientreference", 7, (None, None)),
        ("clientkind", "test", (None, "test")),
        ("clientkind", "Test", (None, None)),
        ("clientkind", ["test"], (None, None)),
    ],
)
def test_what_an_api_client_has_caused_goes_on_to_what_the_event_causes(
    listener: Listener, name: str, value: Any, kept: tuple[str | None, str | None]
) -> None:
    listener.deliver(Message(an_event(**{name: value})))
    (incoming,) = listener.handled
    assert (incoming.context.reference, incoming.context.client_kind) == kept
    context = incoming._call_context
    assert (context.reference, context.client_kind) == kept
