"""Routes of the drafts of portals."""

from gateway.routes import Route
from services.contracts.portals import drafts

ROUTES = (
    Route("GET", "/v1/portals/{portal}/draft", drafts.get_portal_draft),
    Route("PATCH", "/v1/portals/{portal}/draft", drafts.change_portal_draft),
    Route("DELETE", "/v1/portals/{portal}/draft", drafts.discard_portal_draft),
    Route("GET", "/v1/portals/{portal}/draft/sample", drafts.get_portal_sample),
    Route("POST", "/v1/portals/{portal}/draft/publication", drafts.publish_portal_draft),
    Route("DELETE", "/v1/portals/{portal}/publication", drafts.cancel_publication),
    Route("GET", "/v1/portals/{portal}/versions", drafts.list_portal_versions),
    Route("POST", "/v1/portals/{portal}/versions/{number}/restoration", drafts.restore_portal_version),
    Route("GET", "/v1/portals/{portal}/export", drafts.export_portal),
    Route("POST", "/v1/portals/{portal}/import", drafts.import_portal, uploads="document"),
)
