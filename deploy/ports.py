"""Finds free ports on loopback."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable

# Unseeded, because two processes with the same seed would choose the same block.
_CHANCE = random.SystemRandom()


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def all_free(ports: Iterable[int]) -> bool:
    """Whether every one of `ports` is free."""
    return all(is_free(port) for port in ports)


def free_block(size: int) -> int:
    """The first of `size` consecutive free ports.

    They lie below Linux' range for outgoing connections (32768 and up), so that no client socket takes one
    before the server binds it. Raises RuntimeError when no block is found.
    """
    for _ in range(200):
        first = _CHANCE.randrange(15_000, 32_000 - size)
        if all_free(range(first, first + size)):
            return first
    raise RuntimeError(f"no {size} consecutive free ports between 15000 and 32000")
