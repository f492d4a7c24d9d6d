"""What a file says about its signatures: a signed PDF, or a signed decision. Untrusted files go to a limited child."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from services.chassis import untrusted_files
from services.signing.pdf import detached, validity

_CHILD = Path(__file__).with_name("verification_child.py")
_LIMITS: dict[str, Any] = {
    "max_bytes": 110 * 1024 * 1024,
    "cpu_s": 15,
    "wall_s": 25.0,
    "memory_bytes": 1024 * 1024 * 1024,
}
_MOST_ANSWERED = 64 * 1024
_MOST_SIGNATURES = 50
_LONGEST = 200
_DECIDED = ("declined", "signed", "refused", "withdrawn")


def verified(
    file: BinaryIO,
    *,
    trust_roots: Iterable[x509.Certificate],
    timestamp_roots: Iterable[x509.Certificate] = (),
    revoked: x509.CertificateRevocationList | None = None,
) -> dict[str, Any]:
    """The members of the reply of `verify_file`. No content of the file raises."""
    roots, roots_of_time = list(trust_roots), list(timestamp_roots)
    is_pdf = file.read(5) == b"%PDF-"
    file.seek(0)
    if is_pdf:
        found = validity.verify(file, trust_roots=roots, timestamp_roots=roots_of_time, revoked=revoked)
        signatures = [
            {
                "name": each.signer_common_name,
                "signed_at": each.signed_at,
                "is_valid": each.is_intact and each.is_trusted and each.is_timestamped,
            }
            for each in found.signatures[:_MOST_SIGNATURES]
        ]
        return _told("document", found.is_valid, found.modified_after_signing, signatures, {})
    content = file.read()
    checked = detached.verify(content, trust_roots=roots, timestamp_roots=roots_of_time, revoked=revoked)
    if checked.statement is None:
        kind = "unknown" if detached.parts_of(content) is None else "decision"
        return _told(kind, False, False, [], {})
    one = {"name": checked.signer_common_name, "signed_at": checked.signed_at, "is_valid": checked.is_valid}
    return _told("decision", checked.is_valid, False, [one], checked.statement if checked.is_valid else {})


def _told(
    kind: str, is_valid: bool, is_changed: bool, signatures: list[dict[str, Any]], statement: dict[str, Any]
) -> dict[str, Any]:
    decision = statement.get("decision")
    return {
        "kind": kind,
        "is_valid": is_valid,
        "is_changed": is_changed,
        "signatures": signatures,
        "decision": decision if decision in _DECIDED else None,
        "decided_by": str(statement.get("name") or statement.get("typed_name") or "")[:_LONGEST] or None,
        "decided_at": _moment(statement.get("at")),
    }


def verified_in_child(
    path: Path,
    trust_roots: Iterable[x509.Certificate],
    timestamp_roots: Iterable[x509.Certificate],
    revoked: x509.CertificateRevocationList,
) -> dict[str, Any] | None:
    """As `verified`, of an untrusted file. None: it cannot be read within the limits."""
    order = {
        **_LIMITS,
        "roots": _pem(trust_roots),
        "timestamp_roots": _pem(timestamp_roots),
        "revoked": revoked.public_bytes(Encoding.PEM).decode(),
    }
    with path.open("rb") as file:
        said = untrusted_files.answer_of(_CHILD, file, order, _MOST_ANSWERED)
    if said is None:
        return None
    answer: dict[str, Any] = json.loads(said)
    for each in answer["signatures"]:
        each["signed_at"] = _moment(each["signed_at"])
    return {**answer, "decided_at": _moment(answer["decided_at"])}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _pem(certificates: Iterable[x509.Certificate]) -> str:
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)
