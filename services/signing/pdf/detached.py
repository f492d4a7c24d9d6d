"""Signatures apart from what they sign: CMS (RFC 5652, CAdES baseline B-T) over the bytes of a statement, with its time.

As in `signature`, the work is CPU bound and runs its own asyncio loop: call it in a native thread.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms
from cryptography import x509
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation.generic_cms import async_validate_detached_cms

from services.signing.pdf.certificates import Credential
from services.signing.pdf.signature import RsaSigner
from services.signing.pdf.validity import context_of, proven_time, times_of, was_revoked


@dataclass(frozen=True)
class DetachedCheck:
    """Whether a statement is as it was signed, by whom and when. `statement` is None where the file is none of ours."""

    is_valid: bool = False
    signer_common_name: str | None = None
    signed_at: datetime | None = None
    statement: dict[str, Any] | None = None


def sign(statement: bytes, signer: Credential, timestamper: TimeStamper) -> bytes:
    """The detached signature in DER. Raises TimestampUnavailable."""
    made = RsaSigner(signer).async_sign_general_data(
        statement, "sha256", detached=True, use_cades=True, timestamper=timestamper
    )
    return bytes(asyncio.run(made).dump())


def file_of(statement: str, signature: bytes) -> bytes:
    """A statement with its signature, as one file."""
    together = {"statement": statement, "signature": base64.b64encode(signature).decode()}
    return json.dumps(together, ensure_ascii=False, indent=1).encode()


def parts_of(file: bytes) -> tuple[str, bytes] | None:
    """The statement and the signature of such a file; None for any other file."""
    try:
        together = json.loads(file)
        return str(together["statement"]), base64.b64decode(together["signature"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        return None


def verify(
    file: bytes,
    *,
    trust_roots: Iterable[x509.Certificate],
    timestamp_roots: Iterable[x509.Certificate] = (),
    revoked: x509.CertificateRevocationList | None = None,
) -> DetachedCheck:
    """Check the signature of a file of `file_of` as `validity.verify` does. Nothing is fetched, and no content raises."""
    parts = parts_of(file)
    if parts is None:
        return DetachedCheck()
    statement, signature = parts
    try:
        known = json.loads(statement)
        signed = cms.ContentInfo.load(signature)["content"]
        roots = list(trust_roots)
        times = times_of(signed["signer_infos"][0])
        status = asyncio.run(
            async_validate_detached_cms(
                statement.encode(),
                signed,
                signer_validation_context=context_of(
                    roots, times[0] if len(times) == 1 else datetime.now(UTC)
                ),
                ts_validation_context=context_of([*roots, *timestamp_roots], datetime.now(UTC)),
            )
        )
    except Exception:
        return DetachedCheck()
    proven = proven_time(status, revoked)
    is_revoked = was_revoked(status.signing_cert, proven, revoked)
    return DetachedCheck(
        is_valid=status.bottom_line and proven is not None and not is_revoked and isinstance(known, dict),
        signer_common_name=status.signing_cert.subject.native.get("common_name"),
        signed_at=proven,
        statement=known if isinstance(known, dict) else None,
    )
