"""Waiting for a condition, which names its reason when it fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def eventually(probe: Callable[[], Answer], timeout_s: float = 30, every_s: float = 0.05) -> Answer:
    """Call `probe` until it raises no AssertionError. Returns its result.

    After `timeout_s` the last AssertionError is raised, so that the failure says what was still missing. Other errors
    are raised at once.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return probe()
        except AssertionError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(every_s)
