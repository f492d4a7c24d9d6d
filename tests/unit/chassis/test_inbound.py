"""What becomes of a message: it is acknowledged only once its effect or a copy of it is safe."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import amqp
import orjson
import pytest
from prometheus_client import REGISTRY

from services.chassis import inbound as inbound_module
from services.chassis import wire
from services.chassis.inbound import MOST_PROPERTIES_KEPT, Inbound
from services.chassis.operations import Serves
from services.contracts.errors import Refused
from tests.support import toy
from tests.support.inbound import NOT_CONFIRMED, QUEUE, Message, Publisher
from tests.support.recorder import recorded


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


def test_a_copy_of_a_message_without_a_type_has_the_one_of_any_bytes(
    inbound: Inbound, publisher: Publisher
) -> None:
    typed, bare = Message(), Message()
    del bare.properties["content_type"]
    for message in (typed, bare):
        inbound.pass_on(message, "there", "key", {})
    assert [each.content_type for each in publisher.sent] == [
        wire.CLOUDEVENTS_JSON,
        "application/octet-stream",
    ]


@pytest.mark.parametrize("outcome", ["confirmed", *NOT_CONFIRMED])
def test_what_is_parked_and_what_could_not_be_is_counted_apart(
    inbound: Inbound, publisher: Publisher, outcome: str
) -> None:
    def counted() -> tuple[float, float]:
        names = ("portico_parked_total", "portico_not_parked_total")
        labels = {"queue": QUEUE, "reason": f"counted_{outcome}"}
        found = (REGISTRY.get_sample_value(name, labels) or 0.0 for name in names)
        return next(found), next(found)

    publisher.outcomes = [outcome]
    inbound.park_event(Message(), f"counted_{outcome}", QUEUE)
    assert counted() == ((1.0, 0.0) if outcome == "confirmed" else (0.0, 1.0))


def test_a_service_that_stops_takes_no_more_ends_its_work_and_then_closes_its_link(
    inbound: Inbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(inbound, "drain", lambda: order.append("drain"))
    inbound._workers = SimpleNamespace(waitall=lambda: order.append("work"))
    inbound._link = SimpleNamespace(close=lambda: order.append("close"))  # type: ignore[assignment]
    inbound.stop()
    assert order == ["drain", "work", "close"]


def test_a_service_that_is_killed_takes_no_more_and_closes_its_link(inbound: Inbound) -> None:
    closed: list[bool] = []
    inbound._link = SimpleNamespace(close=lambda: closed.append(True))  # type: ignore[assignment]
    inbound.kill()
    assert closed == [True]
    assert inbound._draining.is_set()


def test_a_service_that_drains_takes_no_message(inbound: Inbound) -> None:
    taken = []
    inbound.listen(QUEUE, SimpleNamespace(take=taken.append))
    inbound._on_event(QUEUE, "first")
    inbound.drain()
    inbound._on_event(QUEUE, "second")
    assert taken == ["first"]


@pytest.mark.parametrize(
    ("has_link", "is_open", "drains", "is_consuming"),
    [
        (True, True, False, True),
        (True, False, False, False),
        (True, True, True, False),
        (False, True, False, False),
    ],
)
def test_a_service_consumes_while_its_link_is_open_and_it_does_not_drain(
    inbound: Inbound, has_link: bool, is_open: bool, drains: bool, is_consuming: bool
) -> None:
    link: Any = SimpleNamespace(is_open=threading.Event())
    if is_open:
        link.is_open.set()
    inbound._link = link if has_link else None
    if drains:
        inbound.drain()
    assert inbound.is_consuming is is_consuming


class Connection:
    """A connection whose channels remember what they consume. Queues that are `missing` do not exist."""

    def __init__(self, *missing: str) -> None:
        self.missing = missing
        self.channels: list[Any] = []
        self.cancelled: list[str] = []

    def channel(self) -> Any:
        channel = SimpleNamespace(qos=None, queues=[], auto_decode=True)
        channel.basic_qos = lambda _size, count, _is_global: setattr(channel, "qos", count)

        def declare(queue: str, *, passive: bool) -> None:
            assert passive
            if queue in self.missing:
                raise amqp.NotFound

        def consume(queue: str, callback: Any) -> str:
            if queue in self.missing:
                channel.queues.clear()  # the broker closes the channel
                raise amqp.NotFound
            channel.queues.append((queue, callback))
            return f"tag of {queue}"

        def cancel(tag: str, *, nowait: bool) -> None:
            self.cancelled.append(tag)
            if len(self.cancelled) == 1:
                raise OSError

        channel.basic_consume, channel.basic_cancel = consume, cancel
        channel.queue_declare, channel.close = declare, lambda: None
        self.channels.append(channel)
        return channel


@pytest.mark.parametrize(
    ("operations", "queues", "consumed"),
    [
        (["add_thing"], [QUEUE], [(3, ["rpc-toy"]), (2, [QUEUE])]),
        (["add_thing"], [], [(3, ["rpc-toy"])]),
        ([], [QUEUE, "toy.other"], [(2, [QUEUE, "toy.other"])]),
        ([], [], []),
    ],
)
def test_calls_and_events_are_consumed_apart_and_only_what_the_service_has(
    inbound: Inbound, operations: list[str], queues: list[str], consumed: list[Any]
) -> None:
    inbound.runtime.settings = SimpleNamespace(rpc_workers=3, event_workers=2)
    for operation in operations:
        inbound.serve(operation, None)
    for queue in queues:
        inbound.listen(queue, None)
    connection = Connection()
    inbound._open(connection)

    assert [(each.qos, [name for name, _ in each.queues]) for each in connection.channels] == consumed
    assert inbound.queues == [*(["rpc-toy"] if operations else []), *queues, wire.PARKING_QUEUE]
    assert not any(channel.auto_decode for channel in connection.channels)

    # A consumer that cannot be cancelled keeps no other; what comes on a new link is left to another replica.
    inbound.drain()
    inbound.drain()
    assert connection.cancelled == [f"tag of {name}" for _, names in consumed for name in names]
    inbound._open(again := Connection())
    assert again.channels == []


def test_a_queue_that_is_missing_stops_neither_calls_nor_other_queues(
    inbound: Inbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbound.runtime.settings = SimpleNamespace(rpc_workers=3, event_workers=2, amqp_uri="amqp://broker")
    inbound.serve("add_thing", None)
    for queue in (QUEUE, "toy.gone", "toy.gone_too"):
        inbound.listen(queue, None)
    link: Any = SimpleNamespace(is_open=threading.Event(), renewed=0)
    link.renew = lambda: setattr(link, "renewed", link.renewed + 1)
    link.is_open.set()
    inbound._link = link
    inbound._open(connection := Connection("toy.gone", "toy.gone_too"))

    consumed = [name for channel in connection.channels for name, _ in channel.queues]
    assert consumed == ["rpc-toy", QUEUE]
    assert inbound.queues == ["rpc-toy", QUEUE, wire.PARKING_QUEUE]
    assert not inbound.is_consuming
    inbound.drain()
    assert connection.cancelled == ["tag of rpc-toy", f"tag of {QUEUE}"]

    # It connects anew once one of them is there, and not before.
    for missing, renewed in ((("toy.gone", "toy.gone_too"), 0), (("toy.gone",), 1)):
        looked: Any = Connection(*missing)
        looked.close = lambda: None
        monkeypatch.setattr(inbound_module, "connect", lambda _uri, _timeout_s, looked=looked: looked)
        assert inbound.take_up_missing()
        assert link.renewed == renewed
    link.is_open.clear()
    assert inbound.take_up_missing()
    assert link.renewed == 1
    inbound._draining.clear()
    link.is_open.set()
    inbound._open(Connection())
    assert inbound.missing == []
    assert inbound.is_consuming
    assert inbound.take_up_missing()
    assert link.renewed == 1


class Call(Message):
    """A call of an operation."""

    def __init__(self, method: str, reply_to: str = "amq.rabbitmq.reply-to.x") -> None:
        super().__init__()
        self.delivery_info = {"routing_key": f"toy.{method}"}
        self.properties = {"reply_to": reply_to, "correlation_id": "c"}


@pytest.fixture
def calls(inbound: Inbound, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An inbound that runs work at once and notes its answers; `accepted` are the addresses that can be answered."""
    noted = SimpleNamespace(answers=[], taken=[], parked=[], accepted={"amq.rabbitmq.reply-to.x"})

    def accept(address: str) -> bool:
        if address == "broken":
            raise OSError
        return address in ("fresh", *noted.accepted)

    inbound._reply_addresses = SimpleNamespace(accepted=noted.accepted, accept=accept)  # type: ignore[assignment]
    inbound.runtime.checks = lambda: {"database": True, "broker": False}
    monkeypatch.setattr(inbound, "spawn", lambda work, *arguments: work(*arguments))
    monkeypatch.setattr(
        inbound, "reply", lambda _message, result=None, error=None: noted.answers.append(error or result)
    )
    monkeypatch.setattr(inbound, "park", lambda _message, reason: noted.parked.append(reason))
    inbound.serve("add_thing", SimpleNamespace(take=noted.taken.append))
    return noted


def test_a_call_goes_to_its_operation_or_is_answered(inbound: Inbound, calls: Any) -> None:
    known = Call("add_thing")
    for call in (known, Call("check_health"), Call("drop_thing")):
        inbound._on_call(call)

    assert calls.taken == [known]
    health, unknown = calls.answers
    assert health == {"ok": False, "checks": {"database": True, "broker": False}}
    assert unknown[0] == "unknown_operation"


@pytest.mark.parametrize(
    ("address", "taken", "parked", "fate"),
    [
        ("amq.rabbitmq.reply-to.x", 1, [], None),
        ("fresh", 1, [], None),
        ("stranger", 0, ["no_reply_to"], None),
        ("broken", 0, [], "given back"),  # the broker is away
    ],
)
def test_only_a_call_that_can_be_answered_is_carried_out(
    inbound: Inbound, calls: Any, address: str, taken: int, parked: list[str], fate: str | None
) -> None:
    call = Call("add_thing", address)
    inbound._on_call(call)
    assert (len(calls.taken), calls.parked, call.fate) == (taken, parked, fate)


def test_a_service_that_drains_leaves_calls_to_another_replica(inbound: Inbound, calls: Any) -> None:
    inbound.drain()
    inbound._on_call(Call("add_thing"))
    inbound._on_call(Call("add_thing", "fresh"))
    assert (calls.taken, calls.answers, calls.parked) == ([], [], [])


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        ({"result": {"id": 1}}, {"result": {"id": 1}, "error": None}),
        (
            {"error": ("not_found", "There is none.", "thing_id"), "more": {"left": 2}},
            {
                "result": None,
                "error": {
                    "exc_type": "Refused",
                    "exc_path": "services.contracts.errors.Refused",
                    "exc_args": ["not_found", "There is none.", "thing_id"],
                    "value": "There is none.",
                    "more": {"left": 2},
                },
            },
        ),
    ],
)
@pytest.mark.parametrize(
    ("address", "exchange"), [("amq.rabbitmq.reply-to.x", ""), ("rpc.reply-toy-1", wire.RPC_EXCHANGE)]
)
def test_an_answer_goes_to_its_caller_together_with_the_acknowledgement(
    inbound: Inbound,
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any],
    body: Any,
    address: str,
    exchange: str,
) -> None:
    sent: list[Any] = []

    def publication(channel_id: int, frame_max: int, *to: str, **properties: str) -> bytes:
        *place, text = to
        sent.append((channel_id, frame_max, place, orjson.loads(text), properties["correlation_id"]))
        return b"answer "

    monkeypatch.setattr(inbound_module.frames, "publication", publication)
    monkeypatch.setattr(inbound_module.frames, "acknowledgement", lambda *tags: f"{tags}".encode())
    monkeypatch.setattr(inbound_module, "write", lambda _channel, data: sent.append(data))
    call = Call("add_thing", address)
    call.channel_id, call.connection = 3, SimpleNamespace(frame_max=4096)  # type: ignore[attr-defined]

    inbound.reply(call, **answer)

    assert sent == [(3, 4096, [exchange, address], body, "c"), b"answer (3, 7)"]


def test_an_answer_without_a_link_is_no_error(inbound: Inbound) -> None:
    call = Call("add_thing")
    call.channel = None  # type: ignore[assignment]
    inbound.reply(call, {})


def test_a_crowd_of_messages_is_taken_in_turns(inbound: Inbound, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    inbound._workers = SimpleNamespace(spawn_n=lambda work, *_: told.append(work))
    monkeypatch.setattr(inbound_module.eventlet, "sleep", lambda _seconds: told.append("others"))
    for _ in range(2 * inbound_module.SPAWNED_IN_A_ROW + 1):
        inbound.spawn("work")  # type: ignore[arg-type]
    turn = ["work"] * inbound_module.SPAWNED_IN_A_ROW + ["others"]
    assert told == [*turn, *turn, "work"]


@pytest.mark.parametrize("settle", [Inbound.acknowledge, Inbound.give_back])
@pytest.mark.parametrize("error", [OSError, ConnectionError, AttributeError, amqp.AMQPError])
def test_a_link_that_is_lost_meanwhile_is_no_error(
    inbound: Inbound, settle: Any, error: type[Exception]
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    message = Message()
    message.basic_ack = message.basic_reject = fails  # type: ignore[method-assign]
    settle(inbound, message)


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (None, ("ok", False)),
        (Refused("conflict", "x"), ("conflict", False)),
        (Refused("service_unavailable", "x"), ("service_unavailable", True)),
        (RuntimeError(), ("internal_error", True)),
    ],
)
def test_a_served_call_is_a_span_of_the_trace_and_the_parent_of_what_it_does(
    error: Exception | None, ended: tuple[str, bool]
) -> None:
    before, calls = "00-" + "1" * 32 + "-" + "2" * 16 + "-01", []

    def method(_service: Any, call: Any) -> dict[str, Any]:
        calls.append(call)
        if error:
            raise error
        return {}

    entrypoint = Serves(toy.do_nothing)
    entrypoint.inbound = SimpleNamespace(reply=lambda *_arguments, **_more: None)
    entrypoint.runtime = SimpleNamespace(verifier=None)
    message = Message(b'{"args": [], "kwargs": {}}', {wire.TRACEPARENT: before})
    message.properties["content_type"] = wire.JSON
    with recorded() as spans:
        entrypoint.perform(None, method, message)
    (span,) = spans
    assert (span.kind, span.name, span.parent, span.ends) == ("server", "toy.do_nothing", before, [ended])
    assert [each.context.traceparent for each in calls] == [span.traceparent]
