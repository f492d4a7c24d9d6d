"""Calls with a secret: taking it out of the request, and answering after a fixed time."""

from __future__ import annotations

import random
import time
from typing import Any

from services.chassis.operations import Call


def take_secret(call: Call, member: str) -> Any:
    """Take a password or code out of the request. The rest of the request is fingerprinted with a fast hash."""
    request = dict(call.request)
    secret = request.pop(member, None)
    call.request = request
    return secret


# A known token takes longer to check than an unknown one: one answer time for both, plus a random rest, hides it.
ANSWERS_AFTER_S = 0.25

JITTER_S = 0.02


def answer_time() -> float:
    """When to answer, on the monotonic clock."""
    return time.monotonic() + ANSWERS_AFTER_S + random.uniform(0, JITTER_S)  # noqa: S311 - noise
