"""Routes of identity: the organisation and its features."""

from gateway.routes import Route
from services.contracts.identity import organisations as api

ROUTES = (
    Route("GET", "/v1/organisation", api.get_organisation),
    Route("PUT", "/v1/organisation/features", api.set_features),
    Route("PUT", "/v1/organisation/public-facts", api.set_public_facts),
    Route("GET", "/v1/public/organisation", api.get_public_organisation),
    Route("POST", "/v1/public/portal-reminders", api.request_portal_reminder),
)
