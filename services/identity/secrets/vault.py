"""Encryption of what identity must be able to read again, with a key that is not in the database.

The key file has one Fernet key per line (`deploy.keys` makes it). The first one seals; each of them opens. To change the
key, put a new line on top.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

FILE_NAME = "identity-secrets.key"


class Vault:
    """Seals secrets for an owner, and makes keyed hashes of what is too easy to guess for a plain hash."""

    def __init__(self, keys: list[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        # From the last line: it stays when a new key is put on top, so that the hashes do not change.
        self._pepper = hashlib.sha256(b"portico keyed hashes\0" + keys[-1].encode()).digest()

    def seal(self, owner_id: str, secret: bytes) -> str:
        """The secret, encrypted and bound to its owner: in another owner's row it does not open."""
        return self._fernet.encrypt(owner_id.encode() + b"\0" + secret).decode()

    def open(self, owner_id: str, sealed: str) -> bytes:
        """The secret. Raises ValueError when it is another owner's or sealed with an unknown key."""
        try:
            owner, _, secret = self._fernet.decrypt(sealed.encode()).partition(b"\0")
        except InvalidToken:
            raise ValueError("a sealed secret does not open with the keys at hand") from None
        if owner.decode() != owner_id:
            raise ValueError("a sealed secret belongs to another owner")
        return secret

    def keyed_hash(self, purpose: str, text: str) -> str:
        """64 hex digits. Without the key, trying all possible texts does not reveal the text."""
        return hmac.new(self._pepper, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()


def vault_of(settings: Any) -> Vault:
    """The vault of the key file that the settings name; by default the file beside the passport key."""
    path = settings.identity_secrets_key_file
    return _read(path or str(Path(settings.passport_private_key_file).with_name(FILE_NAME)))


@functools.cache
def _read(path: str) -> Vault:
    keys = [line.strip() for line in Path(path).read_text().splitlines() if line.strip()]
    if not keys:
        raise ValueError(f"{path}: no key in it; `python -m deploy.keys FOLDER` makes one")
    return Vault(keys)
