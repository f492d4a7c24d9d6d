"""Routes of the configuration of portals."""

from gateway.routes import Route
from services.contracts.portals import configuration

ROUTES = (
    Route("GET", "/v1/me/portals", configuration.list_my_portals),
    Route("GET", "/v1/portals/{portal}", configuration.get_portal),
    Route("GET", "/v1/portals/{portal}/content", configuration.get_portal_content),
    Route("PATCH", "/v1/portals/{portal}/content", configuration.change_portal_content),
    Route("GET", "/v1/portals/{portal}/home", configuration.get_portal_home),
    Route("PUT", "/v1/portals/{portal}", configuration.configure_portal),
    Route("GET", "/v1/public/{organisation}/portals/{portal}", configuration.get_public_portal),
)
