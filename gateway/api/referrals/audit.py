"""Routes of the audit trail of referrals."""

from gateway.routes import audit_routes
from services.contracts.referrals.audit import trail

ROUTES = audit_routes(trail)
