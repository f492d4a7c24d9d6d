"""Routes of the FHIR R4 view."""

from gateway.routes import Route
from services.contracts.referrals import fhir

ROUTES = (
    Route("GET", "/fhir/R4/metadata", fhir.fhir_capability, is_fhir=True),
    Route("GET", "/fhir/R4/{resource_type}", fhir.fhir_search, is_fhir=True),
    Route("POST", "/fhir/R4/{resource_type}/_search", fhir.fhir_search, is_fhir=True),
    Route("GET", "/fhir/R4/{resource_type}/{resource_id}", fhir.fhir_read, is_fhir=True),
    Route("GET", "/fhir/R4/{resource_type}/{resource_id}/_history", fhir.fhir_history, is_fhir=True),
)
