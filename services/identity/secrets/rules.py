"""Pure rules of tries: how often something may be tried for one key or from one address.

Standard library only, plus the published refusals.
"""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass

from services.identity.realms.rules import plain_address


@dataclass(frozen=True)
class Limit:
    """How often something may be tried for one key.

    After `most` tries there is a rest of `rest_s`. After `free` tries each further one has to wait, twice as long each
    time. `most_in_a_row` tries without a success end it until the key is cleared; None is unlimited.
    """

    most: int
    rest_s: int
    free: int
    most_in_a_row: int | None = None


# NIST SP 800-63B-4 allows at most 100 failures in a row. Ten in a quarter of an hour are enough for the owner.
LOGIN_LIMIT = Limit(most=10, rest_s=900, free=3, most_in_a_row=100)

RESET_LIMIT = Limit(most=5, rest_s=900, free=5)


@dataclass(frozen=True)
class Tries:
    """Earlier tries: how many in this run, how many in a row since the last success, when the last one was."""

    count: int = 0
    in_a_row: int = 0
    last_at: datetime.datetime | None = None


@dataclass(frozen=True)
class Admission:
    """Whether a try is let through, the tries to remember, and how long to wait if it is not."""

    is_allowed: bool
    tries: Tries
    retry_after_s: int = 0


def admit_try(before: Tries, now: datetime.datetime, limit: Limit) -> Admission:
    """Decide about one more try. A run ends `rest_s` after its last try, so that no such span has more than `most`.

    A refused try is not counted: otherwise an attacker could keep the owner out for ever.
    """
    if limit.most_in_a_row is not None and before.in_a_row >= limit.most_in_a_row:
        return Admission(False, before, limit.rest_s)
    # Of two simultaneous tries the one that waited for the lock may have begun earlier: count that as no time.
    waited_s = max(0.0, (now - before.last_at).total_seconds()) if before.last_at else float(limit.rest_s)
    if waited_s >= limit.rest_s:
        return Admission(True, Tries(1, before.in_a_row + 1, now))
    pause_s = _pause_s(before.count, limit)
    if waited_s < pause_s:
        return Admission(False, before, max(1, round(pause_s - waited_s + 0.5)))
    return Admission(True, Tries(before.count + 1, before.in_a_row + 1, now))


def _pause_s(count: int, limit: Limit) -> float:
    """Seconds between try number `count` and the next."""
    if count >= limit.most:
        return limit.rest_s
    return 0 if count < limit.free else min(2.0 ** (count - limit.free + 1), limit.rest_s)


ADDRESS_REST_S = 900


def neighbourhood(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one customer has in IPv6."""
    place = plain_address(address)
    if place.version == 4:
        return str(place)
    return str(ipaddress.ip_network((place, 64), strict=False))


def admit_from_address(before: Tries, now: datetime.datetime, most: int) -> Admission:
    """Decide about one more try from an address: `most` in a window that the first one opens.

    `last_at` is the window's beginning. Many people share a hospital's address: successes are therefore given back, no
    try has to wait before the window is full, and a window ends by itself, whatever is tried meanwhile.
    """
    if before.last_at is None or (now - before.last_at).total_seconds() >= ADDRESS_REST_S:
        return Admission(True, Tries(1, 0, now))
    if before.count >= most:
        left_s = ADDRESS_REST_S - (now - before.last_at).total_seconds()
        return Admission(False, before, max(1, round(left_s + 0.5)))
    return Admission(True, Tries(before.count + 1, 0, before.last_at))
