"""Turns at slow work, of which only a few pieces may run at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from services.contracts.errors import Refused


@contextmanager
def turn(places: threading.BoundedSemaphore, wait_s: float) -> Iterator[None]:
    """Hold one of the places. Raises Refused(service_unavailable) if none becomes free within `wait_s`."""
    if not places.acquire(timeout=max(0.0, wait_s)):
        raise Refused("service_unavailable", "Too many documents are waiting.", retry_after_s=2)
    try:
        yield
    finally:
        places.release()
