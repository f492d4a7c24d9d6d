"""Whether a document can be signed as often as it will have to be: tried on it in the limited child before it is sent.

What cannot be signed is refused by then, and not when the signer signs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO

from services.chassis import untrusted_files
from services.contracts.errors import Refused

DAMAGED = "The document cannot be signed: its structure is damaged. Print it to a new PDF, and send that."
CERTIFIED = (
    "The author of the document has certified it and allows no further signature. Ask for a copy that is not certified, "
    "or send it on paper."
)
GROWTH_BYTES = 4 * 1024 * 1024  # what a signature and its page may add to the largest document
_CHILD = Path(__file__).with_name("trial_child.py")
_LIMITS: dict[str, Any] = {"cpu_s": 5, "wall_s": 30.0, "memory_bytes": 512 * 1024 * 1024}


def require_signable(path: Path, signatures: int, max_bytes: int) -> None:
    """Require that a screened PDF takes this number of signatures.

    Raises Refused document_certified, document_signatures_full or document_unreadable, with the field `document`.
    """
    with path.open("rb") as file:
        told = _ask_child(
            file,
            _LIMITS
            | {"max_bytes": max_bytes, "written_bytes": max_bytes + GROWTH_BYTES, "signatures": signatures},
        )
    if told:
        raise Refused(told["code"], told["detail"], "document")


def _ask_child(file: BinaryIO, limits: dict[str, Any]) -> dict[str, str]:
    said = untrusted_files.answer_of(_CHILD, file, limits, 4096)
    told: dict[str, str] = json.loads(said) if said else {"code": "document_unreadable", "detail": DAMAGED}
    return told
