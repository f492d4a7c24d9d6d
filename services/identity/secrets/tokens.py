"""Opaque tokens: 256 random bits for the holder, a SHA-256 for the database."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """A token of 256 random bits, 43 characters that fit into a URL."""
    return secrets.token_urlsafe(32)


# Without the letters and digits that are taken for one another when somebody types them from a message.
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"


def new_temporary_password() -> str:
    """A password of 79 random bits in four groups, to be typed once: `K7QF-2MXD-…`."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def temporary_password_hash(account_id: str, password: str) -> str:
    """What is stored of a temporary password, the same with or without its dashes and in small letters.

    It is bound to its account, and nobody can guess 79 bits: a fast hash is enough here, too.
    """
    typed = "".join(password.split()).replace("-", "").upper()
    return hashlib.sha256(f"{account_id}\0{typed}".encode()).hexdigest()


def token_hash(token: str) -> str:
    """What is stored of a token. A fast hash is enough: nobody can guess 256 bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def throttle_key(organisation_key: str, login_space: str, login: str) -> str:
    """The key under which tries for a login are counted, whether or not it exists."""
    return hashlib.sha256(f"{organisation_key}\0{login_space}\0{login}".encode()).hexdigest()
