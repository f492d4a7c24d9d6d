"""Routes of the audit trail of signing."""

from gateway.routes import audit_routes
from services.contracts.signing.audit import trail

ROUTES = audit_routes(trail)
