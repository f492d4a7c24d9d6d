"""The routes: one table for each service."""

from __future__ import annotations

from gateway.api import (
    audit,
    identity,
    identity_access,
    identity_employees,
    identity_outside,
    identity_patients,
    identity_people,
    notifications,
    portals,
    referrals,
    referrals_capacity,
    referrals_directory,
    referrals_fhir,
    referrals_offers,
    referrals_reports,
    signing,
)
from gateway.routes import Route

ROUTES: tuple[Route, ...] = (
    *identity.ROUTES,
    *identity_access.ROUTES,
    *identity_employees.ROUTES,
    *identity_outside.ROUTES,
    *identity_patients.ROUTES,
    *identity_people.ROUTES,
    *referrals.ROUTES,
    *referrals_capacity.ROUTES,
    *referrals_directory.ROUTES,
    *referrals_fhir.ROUTES,
    *referrals_offers.ROUTES,
    *referrals_reports.ROUTES,
    *portals.ROUTES,
    *notifications.ROUTES,
    *signing.ROUTES,
    *audit.ROUTES,
)
