"""Bars on time. Other programs can only make a run slower, so the best of a few runs shows what the code costs."""

from __future__ import annotations

from collections.abc import Callable


def hold_at_best(measure: Callable[[], None], tries: int = 3) -> None:
    """Run a measurement, with the asserts of its bars, until they hold. Raises the error of the last run.

    Only bars belong into the measurement. Assert outside of it what must hold in every run, or raise another error there.
    """
    for _ in range(tries - 1):
        try:
            return measure()
        except AssertionError:
            continue
    return measure()
