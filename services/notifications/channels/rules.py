"""Which of several providers gets a message: the share of a slow or failing one falls, and drifts back while it is well. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

MIDDLE, LEAST = 50.0, 2.0
# An answer that takes longer is slow.
SLOW_S = 2.0
AFTER_SLOW, AFTER_OUTAGE = 0.8, 0.5
# So long it takes until half of what a provider has lost has come back.
HALF_BACK_S = 600.0


def drifted(weight: float, quiet_s: float) -> float:
    """A weight some time after the provider was slow or failed last: it drifts back to the middle."""
    return MIDDLE - (MIDDLE - weight) * math.pow(0.5, max(quiet_s, 0.0) / HALF_BACK_S)


def after(weight: float, took_s: float, *, is_outage: bool) -> float:
    """A weight after an answer, or after none. A quick answer changes nothing: time does."""
    factor = AFTER_OUTAGE if is_outage else AFTER_SLOW if took_s > SLOW_S else 1.0
    return max(LEAST, weight * factor)


def chosen(weights: Sequence[float], draw: float) -> int:
    """The place of the provider whose turn it is, with shares by these weights; `draw` is from 0 up to 1."""
    rest = draw * sum(weights)
    for place, weight in enumerate(weights):
        rest -= weight
        if rest < 0:
            return place
    return len(weights) - 1


def shares(weights: Sequence[float]) -> list[int]:
    """The shares in percent, rounded."""
    return [round(100 * weight / sum(weights)) for weight in weights]
