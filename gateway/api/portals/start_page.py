"""The route of start pages."""

from gateway.routes import Route
from services.contracts.portals import start_page

ROUTES = (Route("GET", "/v1/portals/{portal}/start", start_page.get_portal_start),)
