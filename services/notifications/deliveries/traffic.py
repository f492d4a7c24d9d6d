"""What this process is sending: which providers are left alone for a while, and whose messages wait for their turn.

A provider that fails is asked less and less often (a circuit breaker), and its messages wait without using up their tries.
No organisation and no subscriber holds all senders of a channel, so one that hangs holds up only its own messages.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from services.chassis import metrics
from services.chassis.runtime import Runtime
from services.notifications.channels.configured import names_of_providers
from services.notifications.channels.email import Connections
from services.notifications.deliveries.breakers import Breaker
from services.notifications.deliveries.providers import Providers


class Traffic:
    """Who sends what in this process. Messages are known by their channel, organisation and subscriber.

    `names_of` gives the names of a channel's providers.
    """

    def __init__(
        self,
        senders: int,
        clock: Callable[[], float] = time.monotonic,
        names_of: Callable[[str], Sequence[str]] = lambda _: (),
    ) -> None:
        self.connections = Connections(senders)
        self.providers = Providers(clock)
        # Of several senders, one is left to the others.
        self._most_of_one = max(1, senders - 1)
        self._clock = clock
        self._names_of = names_of
        self._lock = threading.Lock()
        self._breakers: dict[str, Breaker] = {}
        self._organisations: Counter[tuple[str, str]] = Counter()
        self._subscribers: Counter[str] = Counter()

    def resting(self, channels: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the channels whose provider is left alone now, or all of whose providers are."""
        with self._lock:
            return tuple(each for each in channels if self._rests(each))

    def held_back(self, channel: str) -> tuple[list[str], list[str]]:
        """Organisations that hold enough senders of the channel, and subscribers that are served or left alone now."""
        with self._lock:
            crowded = [
                organisation
                for (each, organisation), count in self._organisations.items()
                if each == channel and count >= self._most_of_one
            ]
            resting = [key for key, breaker in self._breakers.items() if breaker.is_open]
            return crowded, [*self._subscribers, *resting]

    def begin(self, channel: str, organisation_id: str, subscriber: str | None) -> None:
        """A sender has taken a message. `subscriber` is a webhook's id."""
        with self._lock:
            self._organisations[channel, organisation_id] += 1
            if subscriber is not None:
                self._subscribers[subscriber] += 1
            with suppress(KeyError):
                self._breakers[subscriber or channel].begin()

    def end(self, channel: str, organisation_id: str, subscriber: str | None, *, is_outage: bool) -> None:
        """The message was sent, or not."""
        key = subscriber or channel
        with self._lock:
            _less(self._organisations, (channel, organisation_id))
            if subscriber is not None:
                _less(self._subscribers, subscriber)
            if is_outage:
                self._breakers.setdefault(key, Breaker(self._clock)).end_in_outage()
            else:
                self._breakers.pop(key, None)  # only providers in trouble take memory
            if subscriber is None:
                metrics.PROVIDER_RESTS.labels(channel).set(self._rests(channel))

    def _rests(self, channel: str) -> bool:
        if channel in self._breakers and self._breakers[channel].is_open:
            return True
        resting = self.providers.resting(channel)
        if not resting:  # nearly always
            return False
        names = self._names_of(channel)
        # A single provider rests with its channel.
        return len(names) > 1 and resting.issuperset(names)


def _less(counts: Counter[Any], key: Any) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]


def traffic_of(runtime: Runtime) -> Traffic:
    """The traffic of a process."""

    def names_of(channel: str) -> list[str]:
        return names_of_providers(runtime.settings, channel)

    return runtime.parts.get(Traffic, lambda: Traffic(runtime.settings.senders, names_of=names_of))
