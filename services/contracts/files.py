"""Files: bytes that somebody has uploaded, and bytes that the gateway hands out. No message carries them."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, Request
from services.contracts.fields import LARGEST, Count

# What a PDF of a stranger may be refused for (`services.chassis.pdf_screening`).
PDF_REFUSALS = (
    "document_not_pdf",
    "document_encrypted",
    "document_active_content",
    "document_too_large",
    "document_too_many_pages",
    "document_unreadable",
)


class UploadedFile(Request):
    """A reference to uploaded bytes. The gateway makes it, never a client."""

    sha256 = fields.String(required=True, validate=validate.Regexp(r"[0-9a-f]{64}\Z"))
    size = Count(required=True, most=LARGEST)


class FileReference(Reply):
    """Where the gateway finds the bytes."""

    sha256 = fields.String(required=True)
    file_name = fields.String(required=True)
    media_type = fields.String(required=True)
