"""The secrets of webhooks. None is stored: each is derived from a key that is not in the database."""

from __future__ import annotations

import functools
import hashlib
import hmac
from pathlib import Path
from typing import Any

FILE_NAME = "notifications-secrets.key"


def secret_of(settings: Any, webhook_id: str, secret_number: int) -> bytes:
    """The 32 bytes with which messages to a webhook are signed."""
    path = settings.notifications_secrets_key_file
    key = _key(path or str(Path(settings.passport_private_key_file).with_name(FILE_NAME)))
    return hmac.new(key, f"webhook.{webhook_id}.{secret_number}".encode(), hashlib.sha256).digest()


@functools.cache
def _key(path: str) -> bytes:
    key = Path(path).read_bytes().strip()
    if len(key) < hashlib.sha256().digest_size:
        raise ValueError(f"{path}: no key in it; `python -m deploy.keys FOLDER` makes one")
    return key
