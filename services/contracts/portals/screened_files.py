"""Files that people add to answers and messages: a PDF or a picture, screened before anybody can read it."""

from __future__ import annotations

from marshmallow import fields, validate

from services.contracts.declare import Reply, Request
from services.contracts.fields import LARGEST, Count, Digest

MOST_BYTES = 10 * 1024 * 1024
# What a file may be refused for.
REFUSALS = (
    "document_not_pdf",
    "document_encrypted",
    "document_active_content",
    "document_too_large",
    "document_too_many_pages",
    "document_unreadable",
    "image_refused",
)


class FileUpload(Request):
    """A reference to uploaded bytes. The gateway makes it, never a client."""

    sha256 = fields.String(required=True, validate=validate.Regexp(r"[0-9a-f]{64}\Z"))
    size = Count(required=True, most=LARGEST)


class FileReference(Reply):
    """Where the gateway finds the bytes."""

    sha256 = Digest(required=True)
    file_name = fields.String(required=True)
    media_type = fields.String(required=True)
