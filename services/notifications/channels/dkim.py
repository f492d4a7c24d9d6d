"""DKIM signatures (RFC 6376) of mails, by an RSA or an Ed25519 key (RFC 8463).

Signed are the body and the headers that are there of `SIGNED`, both in relaxed form, so that a relay may fold lines anew. Each signed
header is named once more than it is there: nobody can add a second one. Decision 0018 says why this is no library's.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

SIGNED = (
    "From", "To", "Subject", "Date", "Message-ID", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post",
    "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
)  # fmt: skip
LEAST_BITS = 2048  # RFC 8301, 3.2
_CHUNK = 70
_HEADER = re.compile(rb"([!-9;-~]+):((?:[^\r]|\r\n[ \t])*)\r\n")
_SPACES = re.compile(rb"[ \t]+")


@dataclass(frozen=True)
class Signer:
    """Signs for a domain, whose key stands in DNS under `<selector>._domainkey.<domain>`."""

    key: RSAPrivateKey | Ed25519PrivateKey
    domain: str
    selector: str

    def signed(self, message: bytes) -> bytes:
        """A message, whose lines end in CRLF, with its signature before it."""
        head, _, body = message.partition(b"\r\n\r\n")
        found = {name.lower(): value for name, value in _HEADER.findall(head + b"\r\n")}
        names = [name for name in SIGNED if name.lower().encode() in found]
        method = "rsa" if isinstance(self.key, RSAPrivateKey) else "ed25519"
        tags = (
            f"v=1; a={method}-sha256; c=relaxed/relaxed; d={self.domain}; s={self.selector};\r\n"
            f" t={int(time.time())};\r\n h={':'.join(names)}:\r\n  {':'.join(names)};\r\n"
            f" bh={base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode()};\r\n b="
        ).encode()
        lines = [_relaxed(name.encode(), found[name.lower().encode()]) for name in names]
        hashed = b"\r\n".join([*lines, _relaxed(b"DKIM-Signature", tags)])
        signature = base64.b64encode(self._signature(hashed)).decode()
        pieces = [signature[at : at + _CHUNK] for at in range(0, len(signature), _CHUNK)]
        return b"DKIM-Signature: " + tags + "\r\n  ".join(pieces).encode() + b"\r\n" + message

    def _signature(self, hashed: bytes) -> bytes:
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(hashed, padding.PKCS1v15(), SHA256())
        return self.key.sign(hashlib.sha256(hashed).digest())


def relaxed_body(body: bytes) -> bytes:
    """A body as it is hashed (RFC 6376, 3.4.4)."""
    lines = [_SPACES.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def _relaxed(name: bytes, value: bytes) -> bytes:
    """A header as it is hashed (RFC 6376, 3.4.2)."""
    return name.lower() + b":" + _SPACES.sub(b" ", value.replace(b"\r\n", b"")).strip(b" \t")


@functools.lru_cache(maxsize=4)
def signer_of(key_file: str | None, selector: str | None, domain: str) -> Signer | None:
    """Who signs mails by these settings; None without a key.

    Raises ValueError for a file that holds no private key in PEM, of RSA with at least 2048 bits or of Ed25519.
    """
    if key_file is None or selector is None:
        return None
    key = load_pem_private_key(Path(key_file).read_bytes(), password=None)
    if isinstance(key, Ed25519PrivateKey) or (isinstance(key, RSAPrivateKey) and key.key_size >= LEAST_BITS):
        return Signer(key, domain, selector)
    raise ValueError(f"{key_file}: a key of RSA with at least {LEAST_BITS} bits, or of Ed25519, is expected")
