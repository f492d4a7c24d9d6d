"""Routes of the portals of an organisation."""

from gateway.routes import Route
from services.contracts.portals import definitions

ROUTES = (
    Route("GET", "/v1/portals", definitions.list_portals),
    Route("POST", "/v1/portals", definitions.create_portal),
    Route("GET", "/v1/portals/{portal}/definition", definitions.describe_portal),
    Route("PATCH", "/v1/portals/{portal}", definitions.change_portal),
    Route("GET", "/v1/portal-hosts", definitions.get_portal_hosts),
    Route("PUT", "/v1/portal-hosts", definitions.set_portal_hosts),
)
