"""Builders for the signing tests: an authority, a plain document, and the arguments of a signature."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from reportlab.pdfgen.canvas import Canvas

from services.signing.pdf.certificates import Authority
from services.signing.pdf.signature import sign
from services.signing.pdf.timestamps import timestamper


def a_document(pages: int = 2, text: str = "Plan of care") -> bytes:
    """A plain PDF with this number of pages."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for number in range(pages):
        canvas.drawString(72, 700, f"{text}, page {number + 1}")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One authority for the whole run: making its RSA keys takes a second."""
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder, "a passphrase for tests")


@pytest.fixture
def document() -> Callable[..., bytes]:
    """`a_document`, as a fixture."""
    return a_document


@pytest.fixture
def signed_by(authority: Authority) -> Callable[..., bytes]:
    """Sign with sensible arguments: `signed_by(pdf, "sig-1", signer_name=…)`."""

    def signed(pdf: bytes, field_name: str = "sig-1", **changed: Any) -> bytes:
        arguments: dict[str, Any] = {
            "signer": authority.signer_for("harbor", "Harbor House"),
            "timestamper": timestamper("local", authority),
            "signer_name": "Ana Ruiz, MD",
            "reason": "Plan of care reviewed",
            "meaning": "Approval",
            "location": "Springfield",
            "signed_at": datetime(2026, 10, 28, 9, 3, 22, tzinfo=ZoneInfo("America/New_York")),
            "field_name": field_name,
        }
        into = io.BytesIO()
        sign(io.BytesIO(pdf), into, **(arguments | changed))
        return into.getvalue()

    return signed
