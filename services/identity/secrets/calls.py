"""How a call with a secret in it is treated: taken out of the request, and answered after a fixed time."""

from __future__ import annotations

import random
import time
from typing import Any

from services.chassis.operations import Call


def take_secret(call: Call, member: str) -> Any:
    """A password or code, taken out of the request: what stays there is fingerprinted with a fast hash."""
    request = dict(call.request)
    secret = request.pop(member, None)
    call.request = request
    return secret


# What a known token costs more than an unknown one is hidden behind one time for both, and a random rest.
ANSWERS_AFTER_S = 0.25

JITTER_S = 0.02


def answer_time() -> float:
    """When to answer, on the monotonic clock."""
    return time.monotonic() + ANSWERS_AFTER_S + random.uniform(0, JITTER_S)  # noqa: S311 - noise
