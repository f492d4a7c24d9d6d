"""Routes of certificates about documents."""

from gateway.routes import Route
from services.contracts.signing import certificates

ROUTES = (
    Route(
        "GET",
        "/v1/documents/{document_id}/completion-certificate",
        certificates.open_completion_certificate,
        downloads="application/pdf",
    ),
    Route(
        "GET",
        "/v1/documents/{document_id}/transmission-certificate",
        certificates.open_transmission_certificate,
        downloads="application/pdf",
    ),
)
