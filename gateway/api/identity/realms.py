"""Routes of identity: realms' settings and roles."""

from gateway.routes import Route
from services.contracts.identity import realms as api

ROUTES = (
    Route("GET", "/v1/realms", api.list_realm_settings),
    Route("GET", "/v1/realms/{realm}", api.get_realm_settings),
    Route("PUT", "/v1/realms/{realm}", api.set_realm_settings),
    Route("GET", "/v1/roles", api.list_roles),
    Route("POST", "/v1/roles", api.create_role),
    Route("GET", "/v1/roles/{role_id}", api.get_role),
    Route("PATCH", "/v1/roles/{role_id}", api.edit_role),
)
