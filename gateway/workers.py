"""The threads that carry out requests. A request that would wait too long for one is refused early."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

WAITING_FOR_EACH = 4  # requests that may wait, for each thread
PATIENCE_S = 2.0  # who has waited longer is refused, as its answer would come too late


@dataclass(frozen=True, slots=True)
class _Waiting:
    run: Callable[[float], None]
    refuse: Callable[[], None]
    since: float


class Workers:
    """`count` threads, and a queue with an end."""

    def __init__(self, count: int) -> None:
        self._most = count * WAITING_FOR_EACH
        self._queue: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        for number in range(count):
            threading.Thread(target=self._work, name=f"worker-{number}", daemon=True).start()

    def submit(self, run: Callable[[float], None], refuse: Callable[[], None]) -> bool:
        """Have `run(since)` called by a thread; `since` is this moment by the monotonic clock. False if too many wait already.

        Who waits too long is not run: `refuse()` is called instead. Neither may raise.
        """
        if self._queue.qsize() >= self._most:
            return False
        self._queue.put(_Waiting(run, refuse, time.monotonic()))
        return True

    def _work(self) -> None:
        while True:
            waiting = self._queue.get()
            if time.monotonic() - waiting.since > PATIENCE_S:
                waiting.refuse()
            else:
                waiting.run(waiting.since)
