"""Parked messages: `make parked` lists them, `make parked ARGS="again ID …"` sends them back to their queues.

A listing shows queue, reason and size, but no body, which may hold personal data. `again --all` sends all back.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import amqp
import kombu

from services.chassis.events import TRIES
from services.chassis.wire import PARKING_QUEUE


@dataclass(frozen=True)
class Parked:
    """One parked message: its id, the queue it came from, why it was parked, its size in bytes."""

    message_id: str
    queue: str
    reason: str
    routing_key: str
    size: int


def listing(uri: str) -> list[Parked]:
    """All parked messages, oldest first. They stay parked."""
    with _channel(uri) as channel:
        return [entry for entry, _ in _taken(channel)]  # closing the channel returns all of them to the queue


def drive_again(uri: str, message_ids: list[str] | None) -> int:
    """Send these messages (None: all) back to their queues, with all retries ahead. Returns how many.

    Parked calls stay, because nobody waits for their answers any more.
    """
    driven = 0
    with _channel(uri) as channel:
        channel.confirm_select()
        for entry, message in list(_taken(channel)):
            if entry.queue.startswith("rpc-") or (
                message_ids is not None and entry.message_id not in message_ids
            ):
                continue
            copy = amqp.Message(
                message.body,
                content_type=message.properties.get("content_type"),
                content_encoding="utf-8",
                delivery_mode=2,
                message_id=entry.message_id,
                application_headers={TRIES: 0},
            )
            channel.basic_publish_confirm(copy, routing_key=entry.queue, mandatory=True)
            channel.basic_ack(message.delivery_tag)
            driven += 1
    return driven


def _taken(channel: Any) -> Iterator[tuple[Parked, Any]]:
    while (message := channel.basic_get(PARKING_QUEUE)) is not None:
        headers = message.headers or {}
        death = (headers.get("x-death") or [{}])[0]
        yield (
            Parked(
                str(message.properties.get("message_id", "")),
                str(headers.get("portico-queue") or death.get("queue", "")),
                str(headers.get("portico-reason") or death.get("reason", "")),
                str(headers.get("portico-routing-key") or (death.get("routing-keys") or [""])[0]),
                len(message.body),
            ),
            message,
        )


@contextmanager
def _channel(uri: str) -> Iterator[Any]:
    with closing(kombu.Connection(uri, connect_timeout=5).transport.establish_connection()) as connection:
        channel = connection.channel()
        channel.auto_decode = False
        yield channel


def main(arguments: list[str]) -> int:
    """List parked messages, or send them again."""
    uri = os.environ["AMQP_URI"]
    if arguments[:1] == ["again"] and len(arguments) > 1:
        count = drive_again(uri, None if arguments[1] == "--all" else arguments[1:])
        print(f"{count} sent again")
    elif arguments in ([], ["list"]):
        entries = listing(uri)
        for entry in entries:
            print(
                f"{entry.message_id}  {entry.queue:<45} {entry.reason:<14} {entry.routing_key:<45} {entry.size} bytes"
            )
        print(f"{len(entries)} parked")
    else:
        sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
