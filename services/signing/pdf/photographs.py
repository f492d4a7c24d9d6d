"""Photographs and scans (JPEG, PNG) as PDF, made in the limited child process (`photograph_child`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from services.chassis import untrusted_files
from services.contracts.errors import Refused

_CHILD = Path(__file__).with_name("photograph_child.py")
# A page of 11 x 17 inches at 600 dots per inch has 67 million pixels.
_LIMITS: dict[str, Any] = {
    "max_bytes": 30 * 1024 * 1024,
    "cpu_s": 10,
    "wall_s": 15.0,
    "memory_bytes": 1024 * 1024 * 1024,
    "most_pixels": 80_000_000,
}


def as_pdf(path: Path, *, most_bytes: int) -> bytes:
    """A PDF with one page, the picture upright. Raises Refused(document_unreadable, document_too_large)."""
    with path.open("rb") as file:
        said = untrusted_files.answer_of(_CHILD, file, _LIMITS | {"most_bytes": most_bytes}, most_bytes)
    if said is None:
        raise Refused(
            "document_unreadable",
            "This picture is damaged or too large to be read. Take it again, or save it as a PDF.",
            "document",
        )
    if said.startswith(b"{"):
        raise Refused(
            json.loads(said)["code"], "This picture is too large. Save it with fewer pixels.", "document"
        )
    return said
