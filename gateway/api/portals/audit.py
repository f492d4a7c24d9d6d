"""Routes of the audit trail of portals."""

from gateway.routes import audit_routes
from services.contracts.portals.audit import trail

ROUTES = audit_routes(trail)
