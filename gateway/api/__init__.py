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
    signing,
)
from gateway.api.referrals import (
    assignments,
    bulk,
    capacity,
    directory,
    directory_exports,
    directory_imports,
    fhir,
    hsds,
    intakes,
    offers,
    queues,
    records,
    reports,
    status_changes,
)
from gateway.routes import Route

ROUTES: tuple[Route, ...] = (
    *identity.ROUTES,
    *identity_access.ROUTES,
    *identity_employees.ROUTES,
    *identity_outside.ROUTES,
    *identity_patients.ROUTES,
    *identity_people.ROUTES,
    *assignments.ROUTES,
    *bulk.ROUTES,
    *capacity.ROUTES,
    *directory.ROUTES,
    *directory_exports.ROUTES,
    *directory_imports.ROUTES,
    *fhir.ROUTES,
    *hsds.ROUTES,
    *intakes.ROUTES,
    *offers.ROUTES,
    *queues.ROUTES,
    *records.ROUTES,
    *reports.ROUTES,
    *status_changes.ROUTES,
    *portals.ROUTES,
    *notifications.ROUTES,
    *signing.ROUTES,
    *audit.ROUTES,
)
