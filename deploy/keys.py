"""`python -m deploy.keys FOLDER`: an Ed25519 key for each service that signs passports, and the set of public keys.

It also makes `identity-secrets.key`, with which identity, and no other service, encrypts second factors; `pages.key`, with
which the gateways protect the forms of their pages; and `notifications-secrets.key`, from which notifications derives the
secrets of webhooks.

Existing keys are kept. `--rotate SERVICE` makes a new key and keeps the public half of the old one in the set, so that what it has
signed still holds; restart the service's processes one after the other. A minute after the last, `--forget SERVICE` takes the old
ones out of the set, into `retired.json`, with which old audit trails are verified. See `deploy/runbook/rotation.md`.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from services.chassis.passports import issuer_of, key_id

ISSUERS = ("identity", "referrals", "portals", "notifications", "signing")

PAGES_KEY = "pages.key"
WEBHOOKS_KEY = "notifications-secrets.key"
PUBLIC = "public.json"
RETIRED = "retired.json"


def make_keys(folder: Path, issuers: tuple[str, ...] = ISSUERS) -> Path:
    """Make missing keys and write `public.json` (RFC 7517, RFC 8037). Returns its path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    own = [_entry(issuer, _private_key(folder / f"{issuer}.pem").public_key()) for issuer in issuers]
    known = {entry["kid"] for entry in own} | {entry["kid"] for entry in _entries(folder / RETIRED)}
    earlier = [
        entry for entry in _entries(folder / PUBLIC) if "." in entry["kid"] and entry["kid"] not in known
    ]
    make_secrets_key(folder)
    make_secrets_key(folder, PAGES_KEY)
    make_secrets_key(folder, WEBHOOKS_KEY)
    return _write_set(folder / PUBLIC, [*own, *earlier])


def rotate(folder: Path, issuer: str) -> None:
    """Give an issuer a new key. The public half of the old one stays in the set."""
    make_keys(folder)
    fresh = folder / f"{issuer}.pem.new"
    fresh.unlink(missing_ok=True)
    key = _private_key(fresh)
    # The set has the new key before anything can be signed with it.
    _write_set(folder / PUBLIC, [_entry(issuer, key.public_key()), *_entries(folder / PUBLIC)])
    fresh.replace(folder / f"{issuer}.pem")


def forget(folder: Path, issuer: str) -> None:
    """Take an issuer's earlier keys out of the set. They stay in `retired.json`, for what they have signed."""
    current = key_id(issuer, _private_key(folder / f"{issuer}.pem").public_key())
    entries = _entries(folder / PUBLIC)
    old = [entry for entry in entries if issuer_of(entry["kid"]) == issuer and entry["kid"] != current]
    _write_set(folder / RETIRED, [*_entries(folder / RETIRED), *old])
    _write_set(folder / PUBLIC, [entry for entry in entries if entry not in old])


def _entry(issuer: str, key: Ed25519PublicKey) -> dict[str, str]:
    x = base64.urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode()
    return {"kid": key_id(issuer, key), "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "x": x}


def _entries(path: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(path.read_text("utf-8"))["keys"] if path.exists() else []
    return found


def _write_set(path: Path, entries: list[dict[str, str]]) -> Path:
    """Write a key set so that whoever reads it finds the old one or the new one."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(json.dumps({"keys": entries}, indent=2) + "\n")
    unfinished.replace(path)
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


def main(arguments: list[str] | None = None) -> None:
    """Make, exchange or forget keys."""
    parser = argparse.ArgumentParser(prog="python -m deploy.keys", description=__doc__)
    parser.add_argument("folder", type=Path)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--rotate", choices=ISSUERS, metavar="SERVICE", help="give it a new key")
    action.add_argument(
        "--forget", choices=ISSUERS, metavar="SERVICE", help="its earlier keys hold no longer"
    )
    asked = parser.parse_args(arguments)
    if asked.rotate:
        rotate(asked.folder, asked.rotate)
    elif asked.forget:
        forget(asked.folder, asked.forget)
    else:
        make_keys(asked.folder)


if __name__ == "__main__":
    main()
