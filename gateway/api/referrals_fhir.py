"""Routes of the FHIR R4 view."""

from gateway.routes import Route
from services.contracts import referrals_fhir as api

ROUTES = (
    Route("GET", "/fhir/R4/metadata", api.fhir_capability, is_fhir=True),
    Route("GET", "/fhir/R4/{resource_type}", api.fhir_search, is_fhir=True),
    Route("GET", "/fhir/R4/{resource_type}/{resource_id}", api.fhir_read, is_fhir=True),
    Route("GET", "/fhir/R4/{resource_type}/{resource_id}/_history", api.fhir_history, is_fhir=True),
)
