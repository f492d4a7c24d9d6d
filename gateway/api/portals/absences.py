"""Routes of absences."""

from gateway.routes import Route
from services.contracts.portals import absences

ROUTES = (
    Route("GET", "/v1/me/absence", absences.get_my_absence),
    Route("PUT", "/v1/me/absence", absences.set_my_absence),
    Route("DELETE", "/v1/me/absence", absences.end_my_absence),
)
