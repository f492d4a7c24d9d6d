"""Routes of the audit trails, the same for every service, and of questions about access."""

from gateway.routes import Route
from services.contracts import identity_audit, notifications, portals, signing
from services.contracts.referrals import audit as referrals

_OF_EACH_SERVICE = tuple(
    route
    for audit in (identity_audit.audit, referrals.audit, portals.audit, notifications.audit, signing.audit)
    for route in (
        Route("GET", f"/v1/audit/{audit.service}", audit.search),
        Route("GET", f"/v1/audit/{audit.service}/export", audit.export),
        Route("GET", f"/v1/audit/{audit.service}/checkpoints", audit.checkpoints),
        Route("GET", f"/v1/me/record-openings/{audit.service}", audit.openings),
    )
)

ROUTES = (
    *_OF_EACH_SERVICE,
    Route("POST", "/v1/emergency-accesses", identity_audit.break_glass),
    Route("GET", "/v1/emergency-accesses", identity_audit.list_break_glass),
    Route("DELETE", "/v1/emergency-accesses/{access_id}", identity_audit.end_break_glass),
    Route("GET", "/v1/access/explanations", identity_audit.explain_access),
    Route("GET", "/v1/access/accounts", identity_audit.list_who_can_see),
    Route("GET", "/v1/access/removals", identity_audit.preview_removal),
)
