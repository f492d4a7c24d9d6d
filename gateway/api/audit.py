"""Routes of the audit trail of referrals."""

from gateway.routes import audit_routes
from services.contracts import referrals

ROUTES = audit_routes(referrals.audit)
