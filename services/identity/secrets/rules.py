"""Pure rules of tries: how often something may be tried for one key or from one address. And how far clocks may be apart.

Standard library only, plus the published refusals.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

Remembered = TypeVar("Remembered")
# By so much the clocks of two servers may differ. What was made or used later than that was so before the clock was set back, and
# would hold for longer than it may.
CLOCKS_APART = datetime.timedelta(seconds=60)


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


# An origin from which the owner has logged in before has tries of its own, whatever strangers try elsewhere.
KNOWN_LIMIT = Limit(most=10, rest_s=900, free=3)

# Any other origin.
ORIGIN_LIMIT = Limit(most=5, rest_s=900, free=3)

# All other origins together, in a quarter of an hour.
STRANGERS_MOST = 7

# Beyond that, origins that have never tried before are let through, one every five minutes, for ten minutes after they first
# knock. So strangers keep the owner at a new place waiting for minutes only: each of their addresses is new but once. In all,
# no quarter of an hour has more than ten tries of strangers.
FRESH_PAUSE_S, FRESH_FOR_S = 300, 600

# NIST SP 800-63B-4 allows at most 100 failures in a row. The last ten are for known origins.
MOST_IN_A_ROW, STRANGERS_MOST_IN_A_ROW = 100, 90

# Requests for a link from one origin.
RESET_LIMIT = Limit(most=5, rest_s=900, free=5)

# Messages to one account that anybody can cause. What was sent stays valid meanwhile.
MAIL_LIMIT = Limit(most=1, rest_s=3600, free=1)

# One of them says that somebody has tried wrong passwords: so many that the next try has to wait as long as this.
TOLD_FROM_S = 300
TELL_LIMIT = Limit(most=1, rest_s=86_400, free=1)


@dataclass(frozen=True)
class Tries:
    """Earlier tries: how many in this run, how many in a row since the last success, when the last one was."""

    count: int = 0
    in_a_row: int = 0
    last_at: datetime.datetime | None = None


@dataclass(frozen=True)
class Admission(Generic[Remembered]):
    """Whether a try is let through, the tries to remember, and how long to wait if it is not."""

    is_allowed: bool
    tries: Remembered
    retry_after_s: int = 0


def admit_try(before: Tries, now: datetime.datetime, limit: Limit) -> Admission[Tries]:
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


@dataclass(frozen=True)
class LoginTries:
    """Earlier tries to log in to one account.

    `of_account`: those of all strangers, and every failure in a row. `of_origin`: those of the caller's origin; no tries and
    a time mean that it was refused at its first. `fresh_at`: when an origin was last let through because it was fresh.
    """

    of_account: Tries = Tries()
    of_origin: Tries = Tries()
    fresh_at: datetime.datetime | None = None


def admit_login(before: LoginTries, now: datetime.datetime, *, is_known: bool) -> Admission[LoginTries]:
    """Decide about one more try to log in. A refused try is not counted.

    `is_known`: the owner has logged in from this origin before.
    """
    own = admit_try(before.of_origin, now, KNOWN_LIMIT if is_known else ORIGIN_LIMIT)
    if before.of_account.in_a_row >= (MOST_IN_A_ROW if is_known else STRANGERS_MOST_IN_A_ROW):
        return _refused(before, now, ORIGIN_LIMIT.rest_s)
    if not own.is_allowed:
        return _refused(before, now, own.retry_after_s)
    counted = replace(
        before,
        of_account=replace(before.of_account, in_a_row=before.of_account.in_a_row + 1),
        of_origin=own.tries,
    )
    return Admission(True, counted) if is_known else _admit_stranger(before, counted, now)


def _admit_stranger(before: LoginTries, counted: LoginTries, now: datetime.datetime) -> Admission[LoginTries]:
    """Decide about the tries of all strangers together. `counted`: with this try, as far as it is decided."""
    rest_s = _left_s(before.of_account.last_at, now, ORIGIN_LIMIT.rest_s)
    count = before.of_account.count if rest_s else 0
    if count < STRANGERS_MOST:
        of_account = replace(counted.of_account, count=count + 1, last_at=now)
        return Admission(True, replace(counted, of_account=of_account))
    pause_s = _left_s(before.fresh_at, now, FRESH_PAUSE_S) if _is_fresh(before.of_origin, now) else rest_s
    if pause_s:
        return _refused(before, now, pause_s)
    return Admission(True, replace(counted, fresh_at=now))


def _refused(before: LoginTries, now: datetime.datetime, wait_s: int) -> Admission[LoginTries]:
    first_knock = before.of_origin if before.of_origin.last_at else Tries(last_at=now)
    return Admission(False, replace(before, of_origin=first_knock), wait_s)


def _is_fresh(of_origin: Tries, now: datetime.datetime) -> bool:
    return of_origin.count == 0 and (
        of_origin.last_at is None or (now - of_origin.last_at).total_seconds() < FRESH_FOR_S
    )


def _left_s(since: datetime.datetime | None, now: datetime.datetime, span_s: int) -> int:
    """How many whole seconds of a span are left; 0 when it is over."""
    return max(0, math.ceil(span_s - (now - since).total_seconds())) if since else 0


ADDRESS_REST_S = 900


def admit_from_address(
    before: Tries, now: datetime.datetime, most: int, *, is_known: bool = False
) -> Admission[Tries]:
    """Decide about one more try from an address: `most` in a window that the first one opens.

    `last_at` is the window's beginning. Many people share a hospital's address: successes are therefore given back, no
    try has to wait before the window is full, and a window ends by itself, whatever is tried meanwhile.
    `is_known`: the login's owner has logged in from here before, and is let through whatever strangers have tried here. The
    try is counted all the same, because its success is given back.
    """
    rest_s = _left_s(before.last_at, now, ADDRESS_REST_S)
    if not rest_s:
        return Admission(True, Tries(1, 0, now))
    if before.count >= most and not is_known:
        return Admission(False, before, rest_s)
    return Admission(True, Tries(before.count + 1, 0, before.last_at))
