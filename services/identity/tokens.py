"""Opaque tokens: 256 random bits for the holder, a SHA-256 for the database."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """A token of 256 random bits, 43 characters that fit into a URL."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is stored of a token. A fast hash is enough: nobody can guess 256 bits."""
    return hashlib.sha256(token.encode()).hexdigest()


def throttle_key(organisation_key: str, login: str) -> str:
    """The key under which tries for a login are counted, whether or not it exists."""
    return hashlib.sha256(f"{organisation_key}\0{login}".encode()).hexdigest()
