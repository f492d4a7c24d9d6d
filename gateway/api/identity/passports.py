"""Routes of identity: what the caller is and may do."""

from gateway.routes import Route
from services.contracts.identity import passports as api

ROUTES = (Route("GET", "/v1/me", api.describe_me),)
