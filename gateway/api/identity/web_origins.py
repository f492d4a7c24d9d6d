"""Routes of identity: web frontends elsewhere."""

from gateway.routes import Route
from services.contracts.identity import web_origins as api

ROUTES = (
    Route("GET", "/v1/organisation/web-origins", api.get_web_origins),
    Route("PUT", "/v1/organisation/web-origins", api.set_web_origins),
)
