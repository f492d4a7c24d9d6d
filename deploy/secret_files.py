"""Secrets that are generated once and kept in files that only their owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path`, which has mode 0600 before the first byte is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)


def kept_secret(path: Path) -> str:
    """The secret in `path`. The first time, 256 random bits are stored there in hex."""
    if path.exists():
        return path.read_text("utf-8").strip()
    value = secrets.token_hex(32)
    write_private(path, value)
    return value
