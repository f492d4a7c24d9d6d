"""Secrets that are generated once and kept in files only their owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path` with mode 0600 from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)


def kept_secret(path: Path) -> str:
    """The secret in `path`; 256 random bits in hex are generated and stored there the first time."""
    if path.exists():
        return path.read_text("utf-8").strip()
    value = secrets.token_hex(32)
    write_private(path, value)
    return value
