"""Writes at a steady rate, each sent once: what was answered, whatever it was."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

import requests

from tests.support.eventually import eventually

CLIENTS = 32


@dataclass(frozen=True)
class Attempt:
    """The status of an answer, its `Retry-After` if it has one, the id of what was made, and when that was."""

    status: int
    retry_after_s: int | None
    made: str | None
    asked_at: float
    took_s: float


@dataclass
class Attempts:
    """Posts `body` to `path`, `rate` times a second, until the block ends; nothing is repeated. A context manager."""

    url: str
    token: str
    path: str
    body: dict[str, Any]
    rate: float
    made: list[Attempt] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join(60)

    def _run(self) -> None:
        began_at, number = time.monotonic(), 0
        with ThreadPoolExecutor(CLIENTS) as pool:
            while not self._stopping.wait(max(0.0, began_at + number / self.rate - time.monotonic())):
                pool.submit(self.send)
                number += 1

    def send(self) -> None:
        """Post once."""
        asked_at = time.monotonic()
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = requests.post(self.url + self.path, json=self.body, headers=headers, timeout=60)
        told = answer.headers.get("Retry-After")
        made = answer.json()["id"] if answer.status_code < 300 else None
        took_s = time.monotonic() - asked_at
        self.made.append(Attempt(answer.status_code, int(told) if told else None, made, asked_at, took_s))

    def go_on(self, count: int) -> None:
        """Wait until so many more have been answered."""
        enough = len(self.made) + count
        eventually(lambda: self._require(enough), timeout_s=60)

    def _require(self, count: int) -> None:
        assert len(self.made) >= count

    def between(self, begin: float, end: float) -> list[Attempt]:
        """Those that were sent in this time."""
        return [each for each in self.made if begin <= each.asked_at < end]

    @property
    def acknowledged(self) -> set[str]:
        """The ids of what was made, as the answers say."""
        return {each.made for each in self.made if each.made is not None}
