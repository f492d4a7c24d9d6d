"""Routes of signing."""

from gateway.routes import Route
from services.contracts import signing as api

ROUTES = (
    Route("GET", "/v1/documents", api.list_documents),
    Route("POST", "/v1/documents", api.send_document, uploads="document"),
    Route("GET", "/v1/documents/{document_id}", api.get_document),
    Route("GET", "/v1/documents/{document_id}/file", api.open_document_file, downloads=True),
    Route("POST", "/v1/documents/{document_id}/signature", api.sign_document),
    Route("POST", "/v1/documents/{document_id}/decline", api.decline_document),
    Route("POST", "/v1/documents/{document_id}/return", api.mark_returned),
)
