"""The routes: one table for each service."""

from __future__ import annotations

from gateway.api import audit, identity, notifications, portals, referrals, signing
from gateway.routes import Route

ROUTES: tuple[Route, ...] = (
    *identity.ROUTES,
    *referrals.ROUTES,
    *portals.ROUTES,
    *notifications.ROUTES,
    *signing.ROUTES,
    *audit.ROUTES,
)
