"""Bars on time. Other programs can only make a run slower, so the best of a few runs shows what the code costs."""

from __future__ import annotations

import os
from collections.abc import Callable

OVERLOADED = 1  # programs that want to run, for each core


def is_overloaded() -> bool:
    """Whether the machine had more to do than it has cores, during the last minute."""
    return os.getloadavg()[0] > OVERLOADED * (os.cpu_count() or 1)


def hold_at_best(measure: Callable[[], None], tries: int = 3) -> None:
    """Run a measurement, with the asserts of its bars, until they hold. Raises the error of the last run.

    On an overloaded machine bars that do not hold are only printed: they say more about the machine than about the code.
    `make faults` runs the tests one after the other, so there they count.

    Only bars belong into the measurement. Assert outside of it what must hold in every run, or raise another error there.
    """
    for left in reversed(range(tries)):
        try:
            return measure()
        except AssertionError as error:
            if left:
                continue
            if not is_overloaded():
                raise
            print(f"Not judged, the machine is overloaded: {error}")
    return None
