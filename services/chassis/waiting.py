"""Limits on who waits for an answer, so that a service that hangs does not hold the threads that others need.

A busy service answers others while a call waits; a service that hangs answers nobody. Once several have waited a while for
the same target, and it has answered nobody meanwhile, only those few may wait for it. They notice when it answers again;
everybody else is refused at once.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice

from services.contracts.errors import Refused

SILENT_AFTER_S = 1.0
SHARE = 8  # of all workers, one in so many may wait for a silent target
RETRY_AFTER_S = 2


class Waiting:
    """Knows who waits for which target. `workers` is how many could wait at once. Safe in threads and greenlets."""

    def __init__(self, workers: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._few = max(1, workers // SHARE)
        self._clock = clock
        self._lock = threading.Lock()
        self._targets: dict[str, _Target] = {}

    @contextlib.contextmanager
    def of(self, target: str) -> Iterator[None]:
        """While this block runs, one more waits for the target. Raises Refused(service_unavailable) if it is silent."""
        me = object()
        with self._lock:
            waited_for = self._targets.setdefault(target, _Target())
            if len(waited_for.since) >= self._few and waited_for.is_silent(self._few, self._clock()):
                raise refusal(target)
            waited_for.since[me] = self._clock()
        try:
            yield
        finally:
            with self._lock:
                del waited_for.since[me]

    def answered(self, target: str) -> None:
        """Note that the target has answered somebody."""
        with self._lock:
            self._targets.setdefault(target, _Target()).answered(self._clock())

    def is_too_much(self, target: str) -> bool:
        """Whether one of those that wait for the target must give up."""
        with self._lock:
            waited_for = self._targets.setdefault(target, _Target())
            return len(waited_for.since) > self._few and waited_for.is_silent(self._few, self._clock())


def refusal(target: str) -> Refused:
    """What those are told that may not wait."""
    return Refused(
        "service_unavailable", f"The {target} service does not answer.", retry_after_s=RETRY_AFTER_S
    )


class _Target:
    """Since when each of those waits, oldest first, and what is known of the target."""

    def __init__(self) -> None:
        self.since: dict[object, float] = {}
        self._answered_at = float("-inf")
        self._was_silent = False

    def answered(self, now: float) -> None:
        self._answered_at = now
        self._was_silent = False

    def is_silent(self, few: int, now: float) -> bool:
        """Whether so many have waited in vain. That stays so when they have given up, until it answers somebody."""
        if not self._was_silent and now - self._answered_at >= SILENT_AFTER_S:
            last_of_them = next(islice(self.since.values(), few - 1, None), now)
            self._was_silent = now - last_of_them >= SILENT_AFTER_S
        return self._was_silent
