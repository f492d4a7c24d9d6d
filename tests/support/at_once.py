"""Works that begin at one moment, each in its own thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from services.contracts.errors import Refused


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each of these says when all begin together: its answer, or the code of its refusal."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        gate.wait(timeout=30)
        try:
            return work()
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))
