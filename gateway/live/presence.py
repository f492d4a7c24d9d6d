"""Who has what open at the other live processes: each tells the others, by an exchange of the broker, sealed.

A process says of each thing that its pages have open who is there: at once when that changes, and again every few seconds. What was
not said again is forgotten, so a process that was killed leaves nobody behind. Without the broker each knows of its own pages.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Iterable
from typing import Any

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from gateway.live.settings import PRESENCE_EXCHANGE
from gateway.live.streams import Streams
from gateway.live.views import View
from gateway.web.protection import Protection
from services.chassis.logs import log

AGAIN_S, FORGOTTEN_S = 8.0, 25.0
_LOOKS_S, _AGAIN_AFTER_S = 2.0, 5.0
_SEALED_S = 300.0  # longer than clocks of two machines are apart
_PURPOSE = "presence"
_AT_ONCE = 100  # things in one message
_MOST_WAITING = 10_000
# The last: it spoke after the connection was lost, and before it knew of that.
_LOST = (aio_pika.exceptions.AMQPError, OSError, aio_pika.exceptions.ChannelInvalidStateError)


class Presence:
    """Tells the other processes of our pages, and our pages of theirs."""

    def __init__(self, streams: Streams, protection: Protection) -> None:
        self._streams = streams
        self._protection = protection
        self._id = secrets.token_hex(8)
        self._said_at = 0.0

    async def share(self, uri: str) -> None:
        """Tell and listen, for ever."""
        while True:
            try:
                await self._share_once(uri)
            except _LOST as error:
                log.warning("live_knows_its_own_pages_only", error=type(error).__name__)
            self.forget()
            await asyncio.sleep(_AGAIN_AFTER_S)

    def said(self, views: Iterable[View], *, asks: bool = False) -> bytes:
        """A message of who is here at these things. With `asks` the others say the same of theirs."""
        at = [[*view, self._streams.here_at(view)] for view in views]
        message = {"from": self._id, "asks": asks, "at": at}
        return self._protection.sealed(message, _PURPOSE, _SEALED_S).encode()

    def heard(self, body: bytes) -> bool:
        """Take in what another process has said; whether it asks for ours. What was not sealed by one of us is left out."""
        message: Any = self._protection.opened(body.decode("ascii", "replace"), _PURPOSE)
        if not message or message["from"] == self._id:
            return False
        until = time.monotonic() + FORGOTTEN_S
        for organisation, view, people in message["at"]:
            self._streams.note_elsewhere(message["from"], (organisation, view), people, until)
        return bool(message["asks"])

    def forget(self) -> None:
        """Forget those of whom nothing was said for long."""
        self._streams.forget_elsewhere(time.monotonic())

    async def _share_once(self, uri: str) -> None:
        connection = await aio_pika.connect(uri, timeout=10)
        async with connection:
            closed = asyncio.Event()
            connection.close_callbacks.add(lambda *_: closed.set())
            channel = await connection.channel(publisher_confirms=False)
            channel.close_callbacks.add(lambda *_: closed.set())
            queue = await channel.declare_queue(exclusive=True, arguments={"x-max-length": _MOST_WAITING})
            exchange = await channel.get_exchange(PRESENCE_EXCHANGE, ensure=False)
            await queue.bind(exchange)

            async def read(message: AbstractIncomingMessage) -> None:
                if self.heard(message.body):
                    await self._say(exchange, self._streams.open_ones())

            await queue.consume(read, no_ack=True)
            await self._say(exchange, self._streams.open_ones(), asks=True)
            while not closed.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._streams.has_moved.wait(), _LOOKS_S)
                self.forget()
                await self._say_what_is_due(exchange)

    async def _say_what_is_due(self, exchange: AbstractExchange) -> None:
        self._streams.has_moved.clear()
        moved, self._streams.moved = self._streams.moved, set()
        is_time = time.monotonic() > self._said_at + AGAIN_S
        if moved or is_time:
            await self._say(exchange, {*moved, *(self._streams.open_ones() if is_time else ())})

    async def _say(self, exchange: AbstractExchange, views: Iterable[View], *, asks: bool = False) -> None:
        listed = sorted(views)
        for start in range(0, max(1, len(listed)), _AT_ONCE):
            body = self.said(listed[start : start + _AT_ONCE], asks=asks and start == 0)
            await exchange.publish(aio_pika.Message(body, expiration=FORGOTTEN_S), routing_key="")
        self._said_at = time.monotonic()
