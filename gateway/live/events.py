"""Reads the events of all services from the broker, in a queue of this process that ends with its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aio_pika
import orjson
from aio_pika.abc import AbstractIncomingMessage

from services.chassis.logs import log
from services.contracts.catalogue import CONTRACTS

_AGAIN_AFTER_S = (0.5, 1.0, 2.0, 5.0)
_MOST_WAITING = 50_000


async def listen(uri: str, take: Callable[[dict[str, Any]], None], listens: Callable[[bool], None]) -> None:
    """Hand every event to `take`, for ever.

    `listens` is told when that begins, after events may have passed unread, and when it ends.
    """
    failures = 0
    while True:
        try:
            await _listen_once(uri, take, listens)
            failures = 0
        except (aio_pika.exceptions.AMQPError, OSError) as error:
            log.warning("live_without_broker", error=type(error).__name__)
        listens(False)
        await asyncio.sleep(_AGAIN_AFTER_S[min(failures, len(_AGAIN_AFTER_S) - 1)])
        failures += 1


async def _listen_once(
    uri: str, take: Callable[[dict[str, Any]], None], listens: Callable[[bool], None]
) -> None:
    connection = await aio_pika.connect(uri, timeout=10)
    async with connection:
        closed = asyncio.Event()
        connection.close_callbacks.add(lambda *_: closed.set())
        channel = await connection.channel(publisher_confirms=False)
        channel.close_callbacks.add(lambda *_: closed.set())
        queue = await channel.declare_queue(exclusive=True, arguments={"x-max-length": _MOST_WAITING})
        for contract in CONTRACTS:
            await queue.bind(f"{contract.service}.events", "#")

        async def read(message: AbstractIncomingMessage) -> None:
            event = _event_in(message.body)
            if event is not None:
                take(event)

        await queue.consume(read, no_ack=True)
        listens(True)
        log.info("live_listens")
        await closed.wait()


def _event_in(body: bytes) -> dict[str, Any] | None:
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return event if isinstance(event, dict) else None
