"""Background work of a process, done when woken, and at intervals in case nobody woke it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from services.chassis.logs import log, where
from services.contracts.errors import Refused


class Loop:
    """Runs `work()` when woken and every `every_s` seconds. It backs off when `work` returns False (not finished)."""

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
        """Start the loop in a thread."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Run the work soon."""
        self._wake.set()

    def stop(self, timeout_s: float = 6.0) -> None:
        """Stop after the current run."""
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
            except (
                Refused
            ) as refusal:  # the database is away, or another service; that is logged where it is noticed
                log.info("loop_waits", name=self.name, code=refusal.code)
                finished = False
            except Exception as error:  # a dead loop would leave work undone unnoticed
                log.error("loop_failed", name=self.name, error=type(error).__name__, where=where(error))
                finished = False
            if finished:
                pause_s = self._every_s
            else:
                # Jitter keeps replicas that failed together from trying again together.
                pause_s = min(max(pause_s, 0.5) * 2, self._cap_s) * random.uniform(0.5, 1)  # noqa: S311 - no secret


class Loops(list[Loop]):
    """The loops of a process."""

    def wake(self, name: str) -> None:
        """Wake the loops of this name."""
        for loop in self:
            if loop.name == name:
                loop.wake()
