"""Has an untrusted file verified in the limited child. It loads nothing of signatures, which takes long and much memory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from services.chassis import untrusted_files

_CHILD = Path(__file__).with_name("verification_child.py")
_LIMITS: dict[str, Any] = {
    "max_bytes": 30 * 1024 * 1024,
    "cpu_s": 15,
    "wall_s": 25.0,
    "memory_bytes": 1024 * 1024 * 1024,
}
_MOST_ANSWERED = 64 * 1024


def verified_in_child(
    path: Path, trust_roots: Iterable[x509.Certificate], timestamp_roots: Iterable[x509.Certificate]
) -> dict[str, Any] | None:
    """As `verification.verified`, of an untrusted file. None: it cannot be read within the limits."""
    order = {**_LIMITS, "roots": _pem(trust_roots), "timestamp_roots": _pem(timestamp_roots)}
    with path.open("rb") as file:
        said = untrusted_files.answer_of(_CHILD, file, order, _MOST_ANSWERED)
    if said is None:
        return None
    answer: dict[str, Any] = json.loads(said)
    for each in answer["signatures"]:
        each["signed_at"] = moment(each["signed_at"])
    return {**answer, "decided_at": moment(answer["decided_at"])}


def moment(text: str | None) -> datetime | None:
    """A time from ISO 8601."""
    return datetime.fromisoformat(text) if text else None


def _pem(certificates: Iterable[x509.Certificate]) -> str:
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)
