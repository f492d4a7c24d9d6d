"""What the broker itself costs: one round trip in bare py-amqp, request and answer confirmed by the broker as stock nameko
has it. The server half of it is this program."""

from __future__ import annotations

import sys
from typing import Any

import amqp
import kombu

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


if __name__ == "__main__":
    serve(sys.argv[1])
