"""How many requests the API clients of an organisation may send in a minute, as this process counts them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from services.contracts.errors import Refused

MINUTE_S = 60


class ApiLimits:
    """Counts requests by organisation and minute; the count of a minute that is over is forgotten."""

    def __init__(self, most: int, clock: Callable[[], float] = time.time) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._minute = 0
        self._sent: Counter[str] = Counter()

    def count(self, organisation_id: str | None) -> None:
        """Count a request of an API client. Raises Refused(too_many_requests), which names the rule."""
        minute, second = divmod(int(self._clock()), MINUTE_S)
        with self._lock:
            if minute != self._minute:
                self._minute, self._sent = minute, Counter()
            self._sent[organisation_id or ""] += 1
            is_over = self._sent[organisation_id or ""] > self._most
        if is_over:
            raise Refused(
                "too_many_requests",
                f"The API clients of an organisation may send {self._most} requests a minute (API_REQUESTS_A_MINUTE). Wait.",
                retry_after_s=MINUTE_S - second,
            )
