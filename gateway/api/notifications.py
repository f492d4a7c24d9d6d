"""Routes of notifications."""

from gateway.routes import Route
from services.contracts import notifications as api

ROUTES = (Route("GET", "/v1/deliveries", api.list_deliveries),)
