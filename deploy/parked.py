"""Parked messages: events that could not be handled, and calls that could not be answered.

    make parked                              lists them: id, time, queue, reason, size
    make parked ARGS="show ID …"             shows one: its properties and headers, and what it holds
    make parked ARGS="again ID …"            sends them again (--all: all of them)
    make parked ARGS="discard ID …"          deletes them (--all: all of them)

An event that is sent again returns to its queue with all tries ahead. A call that is sent again is answered to this command,
which shows the outcome. Its passport is valid for a minute only, so most calls are refused by then; discard those.
Of a call only the names of its arguments are shown, because their values may be personal data or passwords.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import amqp

from services.chassis import wire
from services.chassis.events import TRIES
from services.chassis.frames import properties
from services.chassis.link import connect
from services.chassis.rpc_client import REPLY_TO
from services.chassis.wire import PARKING_QUEUE

ANSWERED_WITHIN_S = 10.0
_MOST_SHOWN = 20_000
_ALL = "--all"
_QUEUE_OF_EVENTS = re.compile(r"[a-z_]+\.on_[a-z0-9_]+")
_NO_QUEUE = "not sent: there is no such queue"


@dataclass(frozen=True)
class Parked:
    """One parked message. `message_id` is as it is shown, `parked_at` in UTC (None if not known), `size` in bytes."""

    message_id: str
    queue: str
    reason: str
    routing_key: str
    size: int
    parked_at: datetime.datetime | None

    @property
    def is_call(self) -> bool:
        """Whether this is a call of an operation, not an event."""
        return self.queue.startswith(wire.rpc_queue(""))


def listing(uri: str) -> list[Parked]:
    """All parked messages, oldest first. They stay parked."""
    found: list[Parked] = []
    _visit(uri, lambda _channel, entry, _message: found.append(entry))
    return found


def show(uri: str, message_id: str) -> str | None:
    """What a parked message says, in lines; None if there is no such message. It stays parked."""
    found: list[str] = []

    def describe(_channel: Any, entry: Parked, message: Any) -> None:
        if entry.message_id == message_id and not found:
            found.append(_description(entry, message))

    _visit(uri, describe)
    return found[0] if found else None


def send_again(uri: str, message_ids: list[str] | None) -> list[tuple[str, str]]:
    """Send these (None: all) again, and take them out of the parking queue. Returns each id with what became of it.

    An event is `sent`. A call is `answered`, or `refused:` with the code of the refusal, or stays parked as `not answered`.
    """
    outcomes: list[tuple[str, str]] = []
    began_at = datetime.datetime.now(datetime.UTC)

    def again(channel: Any, entry: Parked, message: Any) -> None:
        if message_ids is not None and entry.message_id not in message_ids:
            return
        if entry.parked_at is not None and entry.parked_at > began_at:
            return  # it was sent again just now, and is parked again
        outcome = (
            _call_again(channel, entry, message) if entry.is_call else _event_again(channel, entry, message)
        )
        outcomes.append((entry.message_id, outcome))
        if not outcome.startswith("not "):
            channel.basic_ack(message.delivery_tag)

    _visit(uri, again)
    return outcomes


def discard(uri: str, message_ids: list[str] | None) -> int:
    """Delete these (None: all) for good. Returns how many."""
    deleted = 0

    def delete(channel: Any, entry: Parked, message: Any) -> None:
        nonlocal deleted
        if message_ids is None or entry.message_id in message_ids:
            channel.basic_ack(message.delivery_tag)
            deleted += 1

    _visit(uri, delete)
    return deleted


def _visit(uri: str, visit: Callable[[Any, Parked, Any], object]) -> None:
    """Call `visit(channel, entry, message)` for each parked message. What it does not acknowledge stays parked."""
    with _channel(uri) as channel:
        while (message := channel.basic_get(PARKING_QUEUE)) is not None:
            visit(channel, _entry(message), message)
        channel.basic_recover(requeue=True)  # closing would return them as well, but some time later


def _event_again(channel: Any, entry: Parked, message: Any) -> str:
    if not _QUEUE_OF_EVENTS.fullmatch(entry.queue):
        return _NO_QUEUE
    copy = amqp.Message(
        message.body,
        content_type=message.properties.get("content_type", wire.CLOUDEVENTS_JSON),
        content_encoding="utf-8",
        delivery_mode=2,
        message_id=wire.new_id(),
        application_headers={TRIES: 0},
    )
    returned: list[Any] = []
    channel.events["basic_return"] = {lambda *arguments: returned.append(arguments)}
    channel.basic_publish_confirm(copy, routing_key=entry.queue, mandatory=True)
    return _NO_QUEUE if returned else "sent"


def _call_again(channel: Any, entry: Parked, message: Any) -> str:
    """Send the call with its headers, without its old deadline, and wait for the answer."""
    headers = _original(message).get("application_headers", {})
    kept = {
        name: value
        for name, value in headers.items()
        if name.startswith(wire.PREFIX) and name != wire.DEADLINE and isinstance(value, str | int)
    }
    answers: list[Any] = []
    tag = channel.basic_consume(REPLY_TO, no_ack=True, callback=answers.append)
    call = amqp.Message(
        message.body,
        content_type=message.properties.get("content_type", wire.JSON),
        content_encoding="utf-8",
        reply_to=REPLY_TO,
        correlation_id=wire.new_id(),
        expiration=str(int(ANSWERED_WITHIN_S * 1000)),
        application_headers=kept,
    )
    channel.basic_publish_confirm(call, exchange=wire.RPC_EXCHANGE, routing_key=entry.routing_key)
    ends_at = time.monotonic() + ANSWERED_WITHIN_S
    try:
        while not answers and time.monotonic() < ends_at:
            channel.connection.drain_events(timeout=max(0.01, ends_at - time.monotonic()))
    except TimeoutError:
        return "not answered"
    finally:
        channel.basic_cancel(tag)
    return _outcome(answers[0].body) if answers else "not answered"


def _outcome(body: bytes) -> str:
    match json.loads(body):
        case {"error": {"exc_args": [str() as code, *_]}}:
            return f"refused: {_plain(code)}"
    return "answered"


def _entry(message: Any) -> Parked:
    """What the headers say about a message, whatever they hold."""
    headers = message.headers or {}
    deaths = headers.get("x-death")
    # The broker parks a message by itself after too many deliveries, and notes that in a list of tables.
    death = deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], dict) else {}
    keys = death.get("routing-keys")
    key = keys[0] if isinstance(keys, list) and keys else ""
    return Parked(
        _plain(message.properties.get("message_id") or "none"),
        _name(headers.get("portico-queue") or death.get("queue")),
        _name(headers.get("portico-reason") or death.get("reason")),
        _name(headers.get("portico-routing-key") or key),
        len(message.body),
        _moment(headers.get("portico-parked-at") or death.get("time")),
    )


def _name(value: Any) -> str:
    """A queue, a reason or a routing key; ours are shorter than this."""
    return value[:80] if isinstance(value, str) else ""


def _moment(seconds: Any) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _original(message: Any) -> dict[str, Any]:
    """The properties that the message came with."""
    raw = (message.headers or {}).get("portico-properties")
    if not isinstance(raw, str):
        return dict(message.properties)
    try:
        return properties(raw.encode("utf-8", "surrogateescape"))[0]
    except IndexError:  # it was not parked by a service
        return {}


def _description(entry: Parked, message: Any) -> str:
    original = _original(message)
    headers = original.pop("application_headers", {})
    lines = [_line(entry), *(f"  {name}: {_plain(value)}" for name, value in original.items())]
    lines += [
        f"  header {_plain(name)}: {'(not shown)' if name == wire.PASSPORT else _plain(value)}"
        for name, value in headers.items()
    ]
    return "\n".join([*lines, f"  holds: {_contents(entry, message.body)}"])[:_MOST_SHOWN]


def _contents(entry: Parked, body: bytes) -> str:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return f"{len(body)} bytes that are no JSON"
    if not entry.is_call:
        return json.dumps(value, ensure_ascii=True)
    arguments = value.get("kwargs") if isinstance(value, dict) else None
    if not isinstance(arguments, dict):
        return f"{len(body)} bytes that are no call"
    return f"arguments {', '.join(map(_plain, arguments)) or '(none)'}"


def _plain(value: Any) -> str:
    """A value as text that no terminal takes for a command."""
    return ascii(value)[1:-1] if isinstance(value, str) else ascii(value)


def _line(entry: Parked) -> str:
    moment = entry.parked_at.strftime("%Y-%m-%d %H:%M:%S UTC") if entry.parked_at else "time not known"
    queue, reason, routing_key = map(_plain, (entry.queue, entry.reason, entry.routing_key))
    return f"{entry.message_id}  {moment}  {queue:<45} {reason:<14} {routing_key:<45} {entry.size} bytes"


@contextmanager
def _channel(uri: str) -> Iterator[Any]:
    with closing(connect(uri)) as connection:
        channel = connection.channel()
        channel.auto_decode = False
        channel.confirm_select()
        yield channel


def main(arguments: list[str]) -> int:
    """List parked messages, show one, send them again or discard them."""
    uri = os.environ["AMQP_URI"]
    match arguments:
        case [] | ["list"]:
            entries = listing(uri)
            print("\n".join([*map(_line, entries), f"{len(entries)} parked"]))
        case ["show", *ids] if ids:
            for each in ids:
                print(show(uri, each) or f"{_plain(each)}: no such message is parked")
        case ["again", *ids] if ids:
            outcomes = send_again(uri, None if ids == [_ALL] else ids)
            for each, outcome in outcomes:
                print(f"{each}  {outcome}")
            print(f"{sum(not outcome.startswith('not ') for _, outcome in outcomes)} sent again")
        case ["discard", *ids] if ids:
            print(f"{discard(uri, None if ids == [_ALL] else ids)} discarded")
        case _:
            sys.exit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
