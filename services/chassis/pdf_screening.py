"""Screening of uploaded PDFs before anything else reads them.

Size and first bytes are checked here. All that needs a parser is checked in a child process with its own limits
(`pdf_screening_child`): a document that makes the parser hang, grow or crash ends the child and not the service.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from services.chassis import untrusted_files
from services.contracts.errors import Refused

REPLY_LIMIT = 4096


@dataclass(frozen=True)
class Limits:
    """What an upload may cost: bytes, pages, decoded bytes, pixels of one image; CPU and wall seconds, memory."""

    max_bytes: int = 20 * 1024 * 1024
    max_pages: int = 500
    max_decoded_bytes: int = 400 * 1024 * 1024
    max_image_pixels: int = 200_000_000
    cpu_s: int = 5
    wall_s: float = 10.0
    memory_bytes: int = 512 * 1024 * 1024


@dataclass(frozen=True)
class Screened:
    """A document that may be kept. `sha256` in lower-case hexadecimal."""

    pages: int
    sha256: str
    bytes: int


DEFAULT_LIMITS = Limits()
_CHILD = Path(__file__).with_name("pdf_screening_child.py")


def screen(pdf: bytes | Path, *, limits: Limits = DEFAULT_LIMITS, field: str | None = None) -> Screened:
    """Accept a PDF or refuse it.

    Raises Refused with `document_too_large`, `document_not_pdf`, `document_encrypted`, `document_active_content`,
    `document_too_many_pages` or `document_unreadable` (damaged, or beyond the limits of the child).
    """
    with untrusted_files.opened(pdf) as file:
        size = file.seek(0, 2)
        file.seek(0)
        if size > limits.max_bytes:
            raise Refused(
                "document_too_large",
                f"A document may have at most {limits.max_bytes // 1024 // 1024} MB.",
                field,
            )
        if file.read(5) != b"%PDF-":
            raise Refused(
                "document_not_pdf", "The file is neither a PDF nor a photograph (JPEG, PNG).", field
            )
        file.seek(0)
        sha256 = hashlib.sha256(file.read()).hexdigest()
        file.seek(0)
        verdict = _ask_child(file, limits)
    if "code" in verdict:
        raise Refused(str(verdict["code"]), str(verdict["detail"]), field)
    return Screened(pages=int(verdict["pages"]), sha256=sha256, bytes=size)


def _ask_child(file: BinaryIO, limits: Limits) -> dict[str, str | int]:
    unread: dict[str, str | int] = {
        "code": "document_unreadable",
        "detail": "The document is damaged or too complex to be read safely. Print it to a new PDF.",
    }
    said = untrusted_files.answer_of(_CHILD, file, asdict(limits), REPLY_LIMIT)
    verdict: dict[str, str | int] = json.loads(said) if said else unread
    return verdict if "code" in verdict or "pages" in verdict else unread
