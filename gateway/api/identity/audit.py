"""Routes of identity: its audit trail, explanations of access and emergency access."""

from gateway.routes import Route, audit_routes
from services.contracts.identity import audit as api

ROUTES = (
    *audit_routes(api.trail),
    Route("POST", "/v1/emergency-accesses", api.break_glass),
    Route("GET", "/v1/emergency-accesses", api.list_break_glass),
    Route("DELETE", "/v1/emergency-accesses/{access_id}", api.end_break_glass),
    Route("POST", "/v1/emergency-accesses/{access_id}/review", api.review_break_glass),
    Route("GET", "/v1/access/explanations", api.explain_access),
    Route("GET", "/v1/access/accounts", api.list_who_can_see),
    Route("GET", "/v1/access/removals", api.preview_removal),
)
