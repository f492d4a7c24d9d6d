"""Long loops in turns: other greenlets run in between, so that no loop over many rows holds the process."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def in_turns(rows: Iterable[T], at_once: int = 100) -> Iterator[T]:
    """The rows one by one. After every `at_once` of them other greenlets run."""
    for count, row in enumerate(rows, start=1):
        yield row
        if count % at_once == 0:
            time.sleep(0)
