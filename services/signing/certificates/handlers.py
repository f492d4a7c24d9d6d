"""That a certificate was opened, each in one transaction."""

from __future__ import annotations

from services.chassis.unit_of_work import UnitOfWork
from services.signing.documents import queries
from services.signing.documents.handlers import caller_of, record


def open_certificate(unit: UnitOfWork, kind: str, sha256: str, *, document_id: str) -> dict[str, str]:
    """Where the certificate is. The opening is audited."""
    document = queries.get_document(unit.session, caller_of(unit), document_id)
    record(unit, "document.certificate_opened", document, kind=kind, sha256=sha256)
    name = f"{kind}-{document.id[:8]}.pdf"
    return {"sha256": sha256, "file_name": name, "media_type": "application/pdf"}
