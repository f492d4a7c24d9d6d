"""What the broker itself costs: one round trip in bare py-amqp, request and answer confirmed by the broker as stock nameko
has it. This program is the server half."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import amqp
import kombu

from services.chassis import wire
from services.contracts.declare import Operation

QUEUE = "bench-bare"


def connect(uri: str) -> Any:
    """A plain connection."""
    return kombu.Connection(uri).transport.establish_connection()


def serve(uri: str) -> None:
    """Echo for ever."""
    connection = connect(uri)
    channel = connection.channel()
    channel.queue_declare(QUEUE, durable=False, auto_delete=False)
    channel.basic_qos(0, 64, False)
    channel.confirm_select()

    def echo(message: Any) -> None:
        answer = amqp.Message(message.body, correlation_id=message.properties["correlation_id"])
        channel.basic_publish_confirm(answer, routing_key=message.properties["reply_to"])
        channel.basic_ack(message.delivery_tag)

    channel.basic_consume(QUEUE, callback=echo)
    print("ready", flush=True)
    while True:
        connection.drain_events()


@contextlib.contextmanager
def echoing(uri: str) -> Iterator[None]:
    """With the server half running."""
    program = [sys.executable, "-W", "ignore", "-m", "tests.load.bare", uri]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as echo:
        try:
            assert echo.stdout is not None
            echo.stdout.readline()
            yield
        finally:
            echo.terminate()


class BareClient:
    """The client half of the bare round trip: one thread, one connection, the request confirmed."""

    def __init__(self, uri: str) -> None:
        self._connection = connect(uri)
        self._channel = self._connection.channel()
        self._channel.confirm_select()
        self._answers: list[Any] = []
        self._channel.basic_consume("amq.rabbitmq.reply-to", no_ack=True, callback=self._answers.append)

    def call(self) -> None:
        """One bare round trip."""
        self._round_trip(b'{"args": [], "kwargs": {}}', "", QUEUE, {})

    def call_operation(self, operation: Operation, request: dict[str, Any], passport: str) -> None:
        """One call of an operation, with all its headers, without our client."""
        context = wire.CallContext(
            wire.new_id(), correlation_id=wire.new_id(), passport=passport, deadline=time.time() + 5
        )
        body = wire.encode({"args": (), "kwargs": request})
        self._round_trip(body, wire.RPC_EXCHANGE, operation.address, context.headers())

    def _round_trip(self, body: bytes, exchange: str, routing_key: str, headers: dict[str, Any]) -> None:
        self._answers.clear()
        message = amqp.Message(
            body,
            content_type=wire.JSON,
            correlation_id="1",
            reply_to="amq.rabbitmq.reply-to",
            application_headers=headers,
        )
        self._channel.basic_publish_confirm(message, exchange=exchange, routing_key=routing_key)
        while not self._answers:
            self._connection.drain_events()

    def in_flight(self, count: int, width: int = 50) -> float:
        """Calls per second with `width` waiting at any time, from one thread."""
        self._answers.clear()
        sent = done = 0
        started = time.perf_counter()
        while done < count:
            while sent < count and sent - done < width:
                message = amqp.Message(
                    b'{"args": [], "kwargs": {}}', correlation_id="1", reply_to="amq.rabbitmq.reply-to"
                )
                self._channel.basic_publish(message, routing_key=QUEUE)
                sent += 1
            self._connection.drain_events()
            done = len(self._answers)
        return count / (time.perf_counter() - started)


if __name__ == "__main__":
    serve(sys.argv[1])
