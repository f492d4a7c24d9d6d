"""Routes of the audit trail of notifications."""

from gateway.routes import audit_routes
from services.contracts.notifications.audit import trail

ROUTES = audit_routes(trail)
