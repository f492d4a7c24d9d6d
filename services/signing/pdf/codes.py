"""The code on a cover sheet, by which the copy that comes back is recognised.

The code names the document and proves that this installation printed it; it is a suggestion, and a person decides. It is read
in the limited child process (`codes_child`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.chassis import untrusted_files
from services.contracts.errors import Refused

_CODE = re.compile(r"PORTICO1:([0-9a-f]{32}):([0-9a-f]{32})")
_CHILD = Path(__file__).with_name("codes_child.py")
_LIMITS: dict[str, Any] = {
    "max_bytes": 110 * 1024 * 1024,
    "cpu_s": 10,
    "wall_s": 15.0,
    "memory_bytes": 768 * 1024 * 1024,
    "most_pages": 6,
}
_MOST_ANSWERED = 64 * 1024


def key_of(secret: str) -> bytes:
    """The key of the codes, derived from the passphrase of the signing keys."""
    return HKDF(SHA256(), 32, salt=None, info=b"portico cover sheets").derive(secret.encode())


def scan_key_of(secret: str) -> bytes:
    """The key of references to recognised scans, as Fernet has it, derived in the same way."""
    return urlsafe_b64encode(
        HKDF(SHA256(), 32, salt=None, info=b"portico recognised scans").derive(secret.encode())
    )


def code_of(key: bytes, organisation_id: str, document_id: str) -> str:
    """The text of the code on a document's cover sheet."""
    return f"PORTICO1:{document_id}:{_mac(key, organisation_id, document_id)}"


def document_of(key: bytes, organisation_id: str, texts: list[str]) -> str | None:
    """The document that the first genuine code of this organisation names."""
    for found in filter(None, map(_CODE.fullmatch, texts)):
        if hmac.compare_digest(found[2], _mac(key, organisation_id, found[1])):
            return found[1]
    return None


def read(pdf: bytes | Path) -> list[str]:
    """The texts of the codes on the first pages. Raises Refused(document_unreadable)."""
    with untrusted_files.opened(pdf) as file:
        said = untrusted_files.answer_of(_CHILD, file, _LIMITS, _MOST_ANSWERED)
    if said is None:
        raise Refused("document_unreadable", "The pages of this scan cannot be read.", "document")
    return [str(each) for each in json.loads(said)]


def _mac(key: bytes, organisation_id: str, document_id: str) -> str:
    return hmac.new(key, f"{organisation_id}:{document_id}".encode(), hashlib.sha256).hexdigest()[:32]
