"""Verifying, within the limited child process. It is the one job that needs modules of Portico, those of signatures.

The answer is JSON, as `verification.verified` tells it, with times as texts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))


def answer(file: BinaryIO, limits: dict[str, Any]) -> bytes:
    """The answer as the module says."""
    from cryptography import x509  # noqa: PLC0415 - loaded within the limits of the child

    from services.signing.pdf import verification  # noqa: PLC0415 - as above

    roots, roots_of_time = (
        x509.load_pem_x509_certificates(limits[name].encode()) if limits[name] else []
        for name in ("roots", "timestamp_roots")
    )
    revoked = x509.load_pem_x509_crl(limits["revoked"].encode()) if limits["revoked"] else None
    found = verification.verified(file, trust_roots=roots, timestamp_roots=roots_of_time, revoked=revoked)
    return json.dumps(found, default=lambda at: at.isoformat()).encode()
