"""Routes of changes that people ask for in their own record."""

from gateway.routes import Route
from services.contracts.portals import own_changes

ROUTES = (
    Route("GET", "/v1/me/portals/{portal}/sections", own_changes.get_my_sections),
    Route("POST", "/v1/me/portals/{portal}/sections/{section}/changes", own_changes.request_my_change),
    Route("POST", "/v1/me/settings/changes", own_changes.request_my_details_change),
    Route("GET", "/v1/me/settings/changes", own_changes.list_my_details_changes),
    Route("GET", "/v1/portal-queue/{item_id}/change", own_changes.get_own_change),
    Route("POST", "/v1/portal-queue/{item_id}/change/accept", own_changes.accept_own_change),
    Route("POST", "/v1/portal-queue/{item_id}/details/accept", own_changes.accept_own_details),
)
