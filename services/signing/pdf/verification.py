"""What a file says about its signatures: a signed PDF, or a signed decision. Untrusted files go to `limited_verification`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cryptography import x509

from services.signing.pdf import detached, signature
from services.signing.pdf.limited_verification import moment

_MOST_SIGNATURES = 50
_LONGEST = 200
_DECIDED = ("declined", "signed", "refused", "withdrawn")


def verified(
    file: bytes, *, trust_roots: Iterable[x509.Certificate], timestamp_roots: Iterable[x509.Certificate] = ()
) -> dict[str, Any]:
    """The members of the reply of `verify_file`. No content of the file raises."""
    roots, roots_of_time = list(trust_roots), list(timestamp_roots)
    if file.startswith(b"%PDF-"):
        found = signature.verify(file, trust_roots=roots, timestamp_roots=roots_of_time)
        signatures = [
            {
                "name": each.signer_common_name,
                "signed_at": each.signed_at,
                "is_valid": each.is_intact and each.is_trusted and each.is_timestamped,
            }
            for each in found.signatures[:_MOST_SIGNATURES]
        ]
        return _told("document", found.is_valid, found.modified_after_signing, signatures, {})
    checked = detached.verify(file, trust_roots=roots, timestamp_roots=roots_of_time)
    if checked.statement is None:
        kind = "unknown" if detached.parts_of(file) is None else "decision"
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
        "decided_at": moment(statement.get("at")),
    }
