"""How often one address, and everybody together, may have a file verified. Kept in the process, and bounded."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from services.contracts.errors import Refused

WITHIN_S = 600.0
OF_AN_ADDRESS, OF_ALL = 20, 300


class Attempts:
    """Counts within windows of ten minutes. As all together are limited, so is the number of addresses that are known."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._counts: Counter[str] = Counter()

    def count(self, address: str) -> None:
        """Count an attempt. Raises Refused(too_many_requests) for one too many."""
        with self._lock:
            if self._clock() - self._began >= WITHIN_S:
                self._began = self._clock()
                self._counts.clear()
            if self._counts[address] >= OF_AN_ADDRESS or self._counts.total() >= OF_ALL:
                left_s = int(WITHIN_S - (self._clock() - self._began)) + 1
                told = "Too many files were verified in a short time. Try again in ten minutes."
                raise Refused("too_many_requests", told, retry_after_s=left_s)
            self._counts[address] += 1
