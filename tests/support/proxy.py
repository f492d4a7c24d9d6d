"""A proxy in front of a broker that makes its connections as bad as a test wants."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Self

from deploy.broker import Broker
from deploy.ports import free_block

READ_AT_ONCE = 65536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close is a reset


@dataclass(frozen=True)
class Weather:
    """How connections behave: each direction alike, each connection for itself."""

    delay_s: float = 0.0
    varies_s: float = 0.0
    bytes_a_second: float | None = None
    piece_bytes: int | None = None
    """What comes is passed on in pieces of this size, each by itself."""
    resets_every_s: float | None = None
    """All connections are reset again and again."""


FAIR = Weather()


@dataclass
class Proxy:
    """Forwards connections from `port` to `target` on loopback. Use it as a context manager; set the rest at any time."""

    target: int = 0
    port: int = field(default_factory=lambda: free_block(1))
    weather: Weather = FAIR
    resets: int = 0

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._ends: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self._resetting = asyncio.create_task(self._reset_again_and_again())

    async def _end(self) -> None:
        self._resetting.cancel()
        self._server.close()
        self._hang_up()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _reset_again_and_again(self) -> None:
        reset_at = time.monotonic()
        while True:
            await asyncio.sleep(0.05)
            every_s = self.weather.resets_every_s
            if every_s is not None and time.monotonic() >= reset_at + every_s:
                reset_at = time.monotonic()
                self.resets += 1
                self._hang_up()

    def _hang_up(self) -> None:
        for end in list(self._ends):
            end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        self._ends.add(writer)
        try:
            onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self.target)
            ends.append(onward_writer)
            self._ends.add(onward_writer)
            await asyncio.gather(self._forward(reader, onward_writer), self._forward(onward_reader, writer))
        except OSError:
            pass  # one end is gone; so is the other now
        finally:
            for end in ends:
                self._ends.discard(end)
                end.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        passing_on = asyncio.create_task(self._pass_on(on_the_way, writer))
        try:
            arrives_at = 0.0
            while data := await reader.read(READ_AT_ONCE):
                weather = self.weather
                late_s = random.uniform(
                    weather.delay_s - weather.varies_s, weather.delay_s + weather.varies_s
                )
                arrives_at = max(
                    arrives_at, time.monotonic() + late_s
                )  # nothing overtakes within a connection
                on_the_way.put_nowait((arrives_at, data))
            on_the_way.put_nowait((arrives_at, b""))
            await passing_on
        finally:
            passing_on.cancel()

    async def _pass_on(
        self, on_the_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        while True:
            arrives_at, data = await on_the_way.get()
            if arrives_at > time.monotonic():
                await asyncio.sleep(arrives_at - time.monotonic())
            if not data:
                writer.write_eof()
                return
            weather = self.weather
            size = weather.piece_bytes or len(data)
            for begin in range(0, len(data), size):
                piece = data[begin : begin + size]
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(len(piece) / weather.bytes_a_second if weather.bytes_a_second else 0)


class BehindProxy(Broker):
    """A broker whose AMQP address is that of a proxy. Its administration does not go through it."""

    def __init__(self, own: Broker, proxy: Proxy) -> None:
        super().__init__(own.folder, own.port, secrets_folder=own._secrets_folder)
        proxy.target = own.port
        self._proxy = proxy

    def uri_for(self, user: str, password: str, vhost: str) -> str:
        """As of any broker, with the proxy's port."""
        return super().uri_for(user, password, vhost).replace(f":{self.port}/", f":{self._proxy.port}/")
