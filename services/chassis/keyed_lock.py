"""A lock for each key: writers of the same row wait here, in their process, instead of in the database.

A transaction holds a row lock until it commits, and in a busy process each of its statements waits for the event loop.
Fifty transactions that want one row slow each other down, and some starve. One at a time, a transaction has the loop
almost to itself, and a waiting one holds no connection. These locks do not reach other replicas, so correctness depends
on the database alone.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from services.contracts.errors import Refused

MOST_WAITED_S = 10.0


class KeyedLock:
    """One lock per key, within one process."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    @contextlib.contextmanager
    def hold(self, key: str, within_s: float | None = None) -> Iterator[None]:
        """Wait for the lock of `key`, first come, first served, and hold it until the end of the block.

        Raises Refused(service_unavailable) when it is not free within `within_s` seconds, by default 10.
        """
        queue = self._queues.setdefault(key, _Queue())
        queue.length += 1
        try:
            if not queue.lock.acquire(timeout=max(0.0, MOST_WAITED_S if within_s is None else within_s)):
                raise Refused("service_unavailable", "Too many want this at once.", retry_after_s=1)
            try:
                yield
            finally:
                queue.lock.release()
        finally:
            queue.length -= 1
            if not queue.length:
                del self._queues[key]


class _Queue:
    """The holder of one key's lock and those that wait for it."""

    __slots__ = ("length", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.length = 0
