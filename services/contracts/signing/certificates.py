"""Certificates about a document, each a signed PDF: what happened until it was decided, and that it was transmitted."""

from __future__ import annotations

from services.contracts.declare import permission
from services.contracts.fields import Id
from services.contracts.files import FileReference
from services.contracts.signing import contract

open_completion_certificate = contract.command(
    "open_completion_certificate",
    "The certificate of completion of a decided document: who was asked, opened, signed or declined it and when, with the "
    "hashes of the file before and after. A PDF that is signed itself. Providers see no notes of others.",
    request={"document_id": Id(required=True)},
    reply=FileReference,
    access=permission("document.read"),
    errors=("not_found", "not_decided"),
    timeout_s=20,
)

open_transmission_certificate = contract.command(
    "open_transmission_certificate",
    "The certificate of transmission: the document with this hash was sent to whom, by which channel and when, with the receipt, "
    "and how many of the 30 days of a plan of care were left then. A PDF that is signed itself.",
    request={"document_id": Id(required=True)},
    reply=FileReference,
    access=permission("document.send"),
    errors=("not_found",),
    timeout_s=20,
)
