"""Reads returned mails in a child process with limits of its own: anybody can write to that mailbox."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from services.chassis import untrusted_files

_CHILD = Path(__file__).with_name("bounce_child.py")
_LIMITS = {"max_bytes": 512 * 1024, "cpu_s": 5, "wall_s": 10, "memory_bytes": 512 * 1024 * 1024}
_MOST_ANSWERED = 64 * 1024


@dataclass(frozen=True)
class ReturnedMail:
    """What a returned mail says: the addresses it came to, whether it will never be delivered, and the servers' words (RFC 3464).

    Of a complaint (RFC 5965) `recipients` has the sender of the mail that is complained of as well: its address names the delivery.
    """

    recipients: tuple[str, ...]
    is_permanent: bool
    said: tuple[str, ...]
    is_complaint: bool


def read(mail: bytes) -> ReturnedMail | None:
    """What a mail says; None for one that cannot be read within the limits."""
    with untrusted_files.opened(mail) as file:
        answer = untrusted_files.answer_of(_CHILD, file, _LIMITS, _MOST_ANSWERED)
    if answer is None:
        return None
    said = json.loads(answer)
    return ReturnedMail(
        tuple(map(str, said["recipients"])),
        bool(said["is_permanent"]),
        tuple(map(str, said["said"])),
        bool(said["is_complaint"]),
    )
