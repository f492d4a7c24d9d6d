"""Routes of the FHIR R4 view of portals."""

from gateway.routes import Route
from services.contracts.portals import fhir

ROUTES = tuple(
    route
    for name, (read, search) in fhir.OPERATIONS.items()
    for route in (
        Route("GET", f"/fhir/R4/{name}", search, is_fhir=True),
        Route("POST", f"/fhir/R4/{name}/_search", search, is_fhir=True),
        Route("GET", f"/fhir/R4/{name}/{{resource_id}}", read, is_fhir=True),
    )
)
