"""Reads at a steady rate that does not depend on the answers, each on a connection of its own, timed."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Answer:
    """The path that was asked for, the status (0: none came), when it was asked, and how long that took."""

    path: str
    status: int
    asked_at: float
    took_s: float


@dataclass
class Reads:
    """Asks for these paths in turns, `rate` times a second, until it is stopped. Use it as a context manager."""

    port: int
    token: str
    paths: Sequence[str]
    rate: float
    answers: list[Answer] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join(60)

    async def _run(self) -> None:
        started = time.monotonic()
        going: set[asyncio.Task[None]] = set()
        for number, path in zip(itertools.count(), itertools.cycle(self.paths)):
            if self._stopping.is_set():
                break
            await asyncio.sleep(max(0.0, started + number / self.rate - time.monotonic()))
            task = asyncio.create_task(self._ask(path))
            going.add(task)
            task.add_done_callback(going.discard)
        await asyncio.gather(*going)

    async def _ask(self, path: str) -> None:
        asked_at = time.monotonic()
        request = (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token}\r\n"
            "Connection: close\r\n\r\n"
        )
        status = 0
        try:
            async with asyncio.timeout(30):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(request.encode())
                answer = await reader.read()
                writer.close()
                status = int(answer[9:12] or 0)
        except (OSError, TimeoutError, ValueError):
            pass
        self.answers.append(Answer(path, status, asked_at, time.monotonic() - asked_at))

    def between(self, begin: float, end: float, paths: Sequence[str] | None = None) -> list[Answer]:
        """The answers to what was asked in this time, of these paths (None: all)."""
        return [
            each
            for each in self.answers
            if begin <= each.asked_at < end and (paths is None or each.path in paths)
        ]


def percentile(answers: Sequence[Answer], percent: int) -> float:
    """So many of a hundred answers took at most this long, in seconds."""
    return statistics.quantiles([each.took_s for each in answers], n=100)[percent - 1]
