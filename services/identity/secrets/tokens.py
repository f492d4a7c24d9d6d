"""Opaque tokens: the holder has 256 random bits, the database their SHA-256."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """A token of 256 random bits: 43 characters that are safe in a URL."""
    return secrets.token_urlsafe(32)


# Without the letters and digits that people confuse when they type them from a message.
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


def new_temporary_password() -> str:
    """A password of 79 random bits in four groups, to be typed once: `K7QF-2MXD-…`."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def temporary_password_hash(account_id: str, password: str) -> str:
    """The stored hash of a temporary password. Dashes, spaces and case make no difference.

    It is bound to its account. Nobody can guess 79 bits, so a fast hash is enough.
    """
    typed = "".join(password.split()).replace("-", "").upper()
    return hashlib.sha256(f"{account_id}\0{typed}".encode()).hexdigest()


def token_hash(token: str) -> str:
    """The stored hash of a token. Nobody can guess 256 bits, so a fast hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def throttle_key(organisation_key: str, login_space: str, login: str) -> str:
    """The key under which tries for a login are counted, whether or not it exists."""
    return hashlib.sha256(f"{organisation_key}\0{login_space}\0{login}".encode()).hexdigest()
