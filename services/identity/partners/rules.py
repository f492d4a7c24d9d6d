"""Pure rules of partners."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterable

from services.contracts.errors import Refused


def checked_types(wanted: Iterable[str], known: Collection[str]) -> list[str]:
    """The wanted types of events, sorted, each once. Raises Refused(invalid_request) for one that does not exist."""
    types = sorted(set(wanted))
    unknown = [each for each in types if each not in known]
    if unknown:
        raise Refused(
            "invalid_request",
            f"event_types: there is no {unknown[0]!r}. The types are listed at /events.",
            field="event_types",
        )
    return types


def broker_hash(password: str, salt: bytes) -> str:
    """The hash of a password as RabbitMQ keeps it (`rabbit_password_hashing_sha256`): 4 bytes of salt, then the SHA-256."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
