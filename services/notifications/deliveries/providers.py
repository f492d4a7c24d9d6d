"""The providers of this process's channels: how they do, and to which of several a message goes.

A message that one of them may have taken stays with that one, which knows it by its reference. So a switch makes no second copy.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.notifications.channels import rules
from services.notifications.deliveries.breakers import Breaker


@dataclass
class _Standing:
    weight: float
    changed_at: float
    breaker: Breaker = field(repr=False)


class Providers:
    """How the providers do, by channel and name. Only those in trouble take memory."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, draw: Callable[[], float] = random.random
    ) -> None:
        self._clock, self._draw = clock, draw
        self._lock = threading.Lock()
        self._standings: dict[tuple[str, str], _Standing] = {}

    def choose(self, channel: str, names: Sequence[str]) -> str | None:
        """The provider for a message, of these; None while all of them are left alone."""
        with self._lock:
            open_ones = [name for name in names if not self._rests(channel, name)]
            if not open_ones:
                return None
            weights = [self._weight(channel, name) for name in open_ones]
            return open_ones[rules.chosen(weights, self._draw())]

    def first_back(self, channel: str, names: Sequence[str]) -> str:
        """Of providers that are left alone, the one that is asked again first."""
        with self._lock:
            return min(names, key=lambda name: self._rests_until(channel, name))

    def rests(self, channel: str, name: str) -> bool:
        """Whether a provider is left alone now."""
        with self._lock:
            return self._rests(channel, name)

    def resting(self, channel: str) -> set[str]:
        """The names of those of a channel that are left alone now."""
        with self._lock:
            return {name for each, name in self._standings if each == channel and self._rests(each, name)}

    def begin(self, channel: str, name: str) -> None:
        """A message goes to a provider."""
        with self._lock:
            if (channel, name) in self._standings:
                self._standings[channel, name].breaker.begin()

    def end(self, channel: str, name: str, took_s: float, *, is_outage: bool) -> None:
        """The provider has answered, or failed."""
        with self._lock:
            now, key = self._clock(), (channel, name)
            before = self._weight(channel, name)
            weight = rules.after(before, took_s, is_outage=is_outage)
            if key not in self._standings:
                if weight == before:
                    return
                self._standings[key] = _Standing(weight, now, Breaker(self._clock))
            standing = self._standings[key]
            standing.weight, standing.changed_at = weight, now
            if is_outage:
                standing.breaker.end_in_outage()
            else:
                standing.breaker = Breaker(self._clock)

    def shares(self, channel: str, names: Sequence[str]) -> list[int]:
        """The shares of messages in percent, of those that are not left alone; 0 for those."""
        with self._lock:
            weights = [0.0 if self._rests(channel, name) else self._weight(channel, name) for name in names]
        return rules.shares(weights) if any(weights) else [0] * len(weights)

    def _rests(self, channel: str, name: str) -> bool:
        standing = self._standings.get((channel, name))
        return standing is not None and standing.breaker.is_open

    def _rests_until(self, channel: str, name: str) -> float:
        standing = self._standings.get((channel, name))
        return 0.0 if standing is None else standing.breaker.rests_until

    def _weight(self, channel: str, name: str) -> float:
        standing = self._standings.get((channel, name))
        if standing is None:
            return rules.MIDDLE
        return rules.drifted(standing.weight, self._clock() - standing.changed_at)
