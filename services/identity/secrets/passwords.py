"""Hashing of passwords with argon2id, outside the event loop, and with a limit on simultaneous hashes."""

from __future__ import annotations

import functools
import os
import sys
import threading
from typing import Any

from services.contracts.errors import Refused
from services.identity.secrets.password_rules import normal_password


def at_once(cores: int) -> int:
    """How many hashes may run together. Each takes 19 MiB, so at most two; and one core is left to the event loop.

    On two cores, two hashes at once made a trivial call wait twice as long as one hash did.
    """
    return max(1, min(2, cores - 1))


_AT_ONCE = threading.BoundedSemaphore(at_once(len(os.sched_getaffinity(0))))
_WAIT_S = 4.0


def hash_password(password: str) -> str:
    """The argon2id hash (m = 19 MiB, t = 2, p = 1) in PHC string form. Takes about 30 ms of a core."""
    return str(_beside_the_loop(_hasher().hash, normal_password(password)))


def password_matches(password: str, password_hash: str | None) -> bool:
    """Whether the password belongs to the hash. Without a hash the answer is no, after the same work."""
    matches = _beside_the_loop(_verify, normal_password(password), password_hash or _dummy_hash())
    return bool(matches) and password_hash is not None


def _verify(password: str, password_hash: str) -> bool:
    from argon2.exceptions import VerificationError  # noqa: PLC0415 - loaded with the first password

    try:
        return bool(_hasher().verify(password_hash, password))
    except VerificationError:
        return False


@functools.cache
def _hasher() -> Any:
    from argon2 import PasswordHasher, Type  # noqa: PLC0415 - loaded with the first password

    return PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1, type=Type.ID)


@functools.cache
def _dummy_hash() -> str:
    """A hash of no account: passwords for unknown logins are verified against it."""
    return str(_hasher().hash("no account has this password"))


def warm_up() -> None:
    """Make the dummy hash at the start, so that the first unknown login takes no longer than the others."""
    _dummy_hash()


def _beside_the_loop(function: Any, *arguments: Any) -> Any:
    if not _AT_ONCE.acquire(timeout=_WAIT_S):
        raise Refused("service_unavailable", "Too many passwords are being checked.", retry_after_s=1)
    try:
        return _in_a_thread(function, *arguments) if _has_loop() else function(*arguments)
    finally:
        _AT_ONCE.release()


def _in_a_thread(function: Any, *arguments: Any) -> Any:
    from eventlet import tpool  # noqa: PLC0415 - only where there is a loop

    return tpool.execute(function, *arguments)


def _has_loop() -> bool:
    """Whether threads are eventlet's. Only then is its thread pool needed: real threads may hash by themselves."""
    if "eventlet" not in sys.modules:
        return False
    from eventlet import patcher  # noqa: PLC0415 - the operator's command line runs without eventlet

    return bool(patcher.is_monkey_patched("thread"))
