"""Trying a signature on a document, within the limited child process. It needs modules of Portico, those of signatures.

The answer is JSON: `{}` if the document can be signed, else `{"code": "document_…", "detail": "…"}`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))


def answer(file: BinaryIO, limits: dict[str, Any]) -> bytes:
    """The answer as the module says."""
    from services.contracts.errors import Refused  # noqa: PLC0415 - loaded within the limits of the child
    from services.signing.pdf import rehearsal, signature, trial  # noqa: PLC0415 - as above

    try:
        rehearsal.try_on(file, limits["signatures"])
    except Refused as refused:
        return json.dumps({"code": refused.code, "detail": refused.detail}).encode()
    except (*signature.MALFORMED, MemoryError):
        return json.dumps({"code": "document_unreadable", "detail": trial.DAMAGED}).encode()
    return b"{}"
