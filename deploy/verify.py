"""`python -m deploy.verify FILE [--root ROOT.pem]`: verify a signed document, a certificate or a signed decision.

It needs no running service: the file and the root certificate (`GET /v1/signing-authority`) are enough. Without `--root` those
of this installation are read from SIGNING_KEYS_DIR. The exit code is 0 for a file that is genuine and unchanged.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from cryptography import x509

from services.signing.pdf.certificates import REVOKED_FILE, ROOTS_FILE
from services.signing.pdf.verification import verified


def main(arguments: list[str] | None = None) -> int:
    """Verify a file and print what was found; 0 if it is valid, 1 if not, 2 without a root certificate."""
    parser = argparse.ArgumentParser(prog="python -m deploy.verify", description="Verify a signed file.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--root", type=Path, help="PEM file with the root certificates")
    parser.add_argument(
        "--timestamp-roots", type=Path, help="PEM file with the roots of another time authority"
    )
    asked = parser.parse_args(arguments)
    root = asked.root or Path(os.environ.get("SIGNING_KEYS_DIR", "")) / ROOTS_FILE
    if not root.is_file():
        print("There is no root certificate: name it with --root.", file=sys.stderr)
        return 2
    with asked.file.open("rb") as file:
        found = verified(
            file,
            trust_roots=_certificates(root),
            timestamp_roots=_certificates(asked.timestamp_roots),
            revoked=_revoked(root.with_name(REVOKED_FILE)),
        )
    print("\n".join(_lines(found)))
    return 0 if found["is_valid"] else 1


def _certificates(path: Path | None) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes()) if path else []


def _revoked(path: Path) -> x509.CertificateRevocationList | None:
    return x509.load_pem_x509_crl(path.read_bytes()) if path.is_file() else None


def _lines(found: dict[str, Any]) -> list[str]:
    lines = ["genuine and unchanged" if found["is_valid"] else "NOT confirmed", f"kind: {found['kind']}"]
    if found["is_changed"]:
        lines.append("changed after it was signed")
    for each in found["signatures"]:
        holds = "holds" if each["is_valid"] else "does not hold"
        lines.append(f"signature of {each['name']}, {each['signed_at']}: {holds}")
    if found["decision"]:
        lines.append(f"decision: {found['decision']} by {found['decided_by']} at {found['decided_at']}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
