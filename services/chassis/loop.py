"""Work that a process does by itself: woken when there is something, and again every so often in case a wake was missed."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from services.chassis.logs import log, where


class Loop:
    """Runs `work()` when woken and every `every_s`. `work` returns False when it could not finish: then it backs off."""

    def __init__(
        self, name: str, work: Callable[[], bool], every_s: float, backoff_cap_s: float = 30.0
    ) -> None:
        self.name = name
        self._work = work
        self._every_s = every_s
        self._cap_s = backoff_cap_s
        self._wake = threading.Event()
        self.stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    def stop(self, timeout_s: float = 6.0) -> None:
        """Stop after the piece of work in hand."""
        self.stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        pause_s = self._every_s
        while not self.stopping.is_set():
            self._wake.wait(pause_s)
            self._wake.clear()
            if self.stopping.is_set():
                return
            try:
                finished = self._work()
            except Exception as error:  # a loop that dies would leave work undone in silence
                log.error("loop_failed", name=self.name, error=type(error).__name__, where=where(error))
                finished = False
            if finished:
                pause_s = self._every_s
            else:
                # Jitter, so that replicas that failed together do not come back together.
                pause_s = min(max(pause_s, 0.5) * 2, self._cap_s) * random.uniform(0.5, 1)  # noqa: S311


class Loops(list[Loop]):
    """The loops of a process."""

    def wake(self, name: str) -> None:
        """There is something to do for the loops of this name."""
        for loop in self:
            if loop.name == name:
                loop.wake()
