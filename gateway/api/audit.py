"""Routes of the audit trails, the same for every service, and of questions about access."""

from gateway.routes import Route, audit_routes
from services.contracts import identity_audit

ROUTES = (
    *audit_routes(identity_audit.audit),
    Route("POST", "/v1/emergency-accesses", identity_audit.break_glass),
    Route("GET", "/v1/emergency-accesses", identity_audit.list_break_glass),
    Route("DELETE", "/v1/emergency-accesses/{access_id}", identity_audit.end_break_glass),
    Route("GET", "/v1/access/explanations", identity_audit.explain_access),
    Route("GET", "/v1/access/accounts", identity_audit.list_who_can_see),
    Route("GET", "/v1/access/removals", identity_audit.preview_removal),
)
