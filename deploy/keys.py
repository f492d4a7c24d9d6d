"""`python -m deploy.keys FOLDER`: an Ed25519 key for each service that signs passports, and the set of public keys.

It also makes `identity-secrets.key`, with which identity, and no other service, encrypts second factors; `pages.key`, with
which the gateways protect the forms of their pages; and `notifications-secrets.key`, from which notifications derives the
secrets of webhooks.

Existing keys are kept. To rotate, remove `<service>.pem`, run this again and restart the services.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

ISSUERS = ("identity", "referrals", "portals", "notifications", "signing")

PAGES_KEY = "pages.key"
WEBHOOKS_KEY = "notifications-secrets.key"


def make_keys(folder: Path, issuers: tuple[str, ...] = ISSUERS) -> Path:
    """Make missing keys and write `public.json` (RFC 7517, RFC 8037). Returns its path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    entries = []
    for issuer in issuers:
        key = _private_key(folder / f"{issuer}.pem")
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
        entries.append({"kid": issuer, "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "x": x})
    make_secrets_key(folder)
    make_secrets_key(folder, PAGES_KEY)
    make_secrets_key(folder, WEBHOOKS_KEY)
    path = folder / "public.json"
    path.write_text(json.dumps({"keys": entries}, indent=2) + "\n")
    return path


def make_secrets_key(folder: Path, name: str = "identity-secrets.key") -> Path:
    """Make a key of 32 random bytes, by default identity's for second factors, unless it exists. Returns its path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / name
    if not path.exists():
        _write_private(path, Fernet.generate_key() + b"\n")
    return path


def _private_key(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write_private(path, pem)
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)  # noqa: S101 - another kind of key is a fault of the installation
    return key


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


if __name__ == "__main__":
    make_keys(Path(sys.argv[1]))
