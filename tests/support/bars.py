"""Bars on time. What else the machine does can only make a run slower, so the best of a few tells what our code costs."""

from __future__ import annotations

from collections.abc import Callable


def hold_at_best(measure: Callable[[], None], tries: int = 3) -> None:
    """Run a measurement, with the asserts of its bars, until they hold. Raises what the last try raised.

    For bars only: what must hold in every run is asserted outside, or told apart by another error than AssertionError.
    """
    for _ in range(tries - 1):
        try:
            return measure()
        except AssertionError:
            continue
    return measure()
