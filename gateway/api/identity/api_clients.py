"""Routes of identity: API clients."""

from gateway.routes import Route
from services.contracts.identity import api_clients as api

ROUTES = (
    Route("POST", "/v1/api-sessions", api.open_api_session),
    Route("GET", "/v1/api-clients", api.list_api_clients),
    Route("POST", "/v1/api-clients", api.create_api_client),
    Route("GET", "/v1/api-clients/{client_id}", api.get_api_client),
    Route("PUT", "/v1/api-clients/{client_id}", api.change_api_client),
    Route("POST", "/v1/api-clients/{client_id}/secrets", api.rotate_api_secret),
    Route("POST", "/v1/api-clients/{client_id}/revoke", api.revoke_api_client),
)
