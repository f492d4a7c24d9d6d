"""Routes of identity: partners."""

from gateway.routes import Route
from services.contracts.identity import partners as api

ROUTES = (
    Route("GET", "/v1/partners", api.list_partners),
    Route("POST", "/v1/partners", api.create_partner),
    Route("GET", "/v1/partners/{partner_id}", api.get_partner),
    Route("PUT", "/v1/partners/{partner_id}/event-types", api.choose_event_types),
    Route("POST", "/v1/partners/{partner_id}/password", api.rotate_partner_password),
    Route("POST", "/v1/partners/{partner_id}/revoke", api.revoke_partner),
)
