"""Routes of portals."""

from gateway.routes import Route
from services.contracts import portals as api

ROUTES = (
    Route("GET", "/v1/portals/{portal}", api.get_portal),
    Route("PUT", "/v1/portals/{portal}", api.configure_portal),
    Route("GET", "/v1/public/{organisation}/portals/{portal}", api.get_public_portal),
)
