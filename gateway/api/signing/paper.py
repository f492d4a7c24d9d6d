"""Routes of the way by paper."""

from gateway.routes import Route
from services.contracts.signing import paper

ROUTES = (
    Route(
        "GET", "/v1/documents/{document_id}/cover-sheet", paper.open_cover_sheet, downloads="application/pdf"
    ),
    Route(
        "GET", "/v1/documents/{document_id}/original", paper.open_original_file, downloads="application/pdf"
    ),
    Route("POST", "/v1/documents/{document_id}/signed-copy", paper.attach_signed_copy, uploads="document"),
    Route("POST", "/v1/documents/{document_id}/paper-decline", paper.decline_on_paper),
    Route("POST", "/v1/document-scans", paper.recognise_scan, uploads="document"),
    Route(
        "GET",
        "/v1/document-scans/{scan}/pages/{number}/picture",
        paper.open_scan_page,
        downloads="image/png",
    ),
    Route("POST", "/v1/document-scans/{scan}/attachment", paper.attach_recognised_scan),
)
