"""Turns: in long loops other greenlets run in between, and of slow work only a few pieces run at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from services.contracts.errors import Refused

T = TypeVar("T")


def in_turns(rows: Iterable[T], at_once: int = 100) -> Iterator[T]:
    """The rows one by one. After every `at_once` of them other greenlets run."""
    for count, row in enumerate(rows, start=1):
        yield row
        if count % at_once == 0:
            time.sleep(0)


@contextmanager
def turn(places: threading.BoundedSemaphore, wait_s: float) -> Iterator[None]:
    """Hold one of the places. Raises Refused(service_unavailable) if none becomes free within `wait_s`."""
    if not places.acquire(timeout=max(0.0, wait_s)):
        raise Refused("service_unavailable", "Too many documents are waiting.", retry_after_s=2)
    try:
        yield
    finally:
        places.release()
