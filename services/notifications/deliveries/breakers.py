"""A provider that fails is asked less and less often (a circuit breaker)."""

from __future__ import annotations

import time
from collections.abc import Callable

FAILURES = 5
"""So many outages in a row, and the provider is left alone."""
FIRST_REST_S, LONGEST_REST_S = 10.0, 300.0


class Breaker:
    """Whether one provider is asked. After FAILURES outages in a row it rests, then a single message tries it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._outages = 0
        self.rests_until = 0.0
        self._is_tried = False

    @property
    def is_open(self) -> bool:
        """Whether no message may go to the provider now."""
        if self._outages < FAILURES:
            return False
        return self._is_tried or self._clock() < self.rests_until

    def begin(self) -> None:
        """A message goes to the provider. While it is on its way to one that has rested, no other follows."""
        self._is_tried = self._outages >= FAILURES

    def end_in_outage(self) -> None:
        """The provider has failed. One that has answered needs no breaker any more."""
        self._is_tried = False
        self._outages += 1
        if self._outages >= FAILURES:
            rest_s = min(FIRST_REST_S * 2.0 ** min(self._outages - FAILURES, 10), LONGEST_REST_S)
            self.rests_until = self._clock() + rest_s
