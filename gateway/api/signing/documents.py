"""Routes of documents."""

from gateway.routes import Route
from services.contracts.signing import documents

ROUTES = (
    Route("GET", "/v1/documents", documents.list_documents),
    Route("POST", "/v1/documents", documents.send_document, uploads="document"),
    Route("GET", "/v1/documents/{document_id}", documents.get_document),
    Route(
        "GET", "/v1/documents/{document_id}/file", documents.open_document_file, downloads="application/pdf"
    ),
    Route("GET", "/v1/documents/{document_id}/pages", documents.list_document_pages),
    Route(
        "GET",
        "/v1/documents/{document_id}/pages/{number}/picture",
        documents.open_document_page,
        downloads="image/png",
    ),
    Route("POST", "/v1/documents/{document_id}/signature", documents.sign_document),
    Route("POST", "/v1/document-signatures", documents.sign_documents),
    Route("POST", "/v1/documents/{document_id}/delegation", documents.delegate_document),
    Route("POST", "/v1/documents/{document_id}/decline", documents.decline_document),
    Route("POST", "/v1/documents/{document_id}/return", documents.mark_returned),
)
